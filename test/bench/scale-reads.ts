import { DAY_MS } from '../../src/domain/duration.ts'
import { bearer, clientOf } from '../support/app.ts'
import { median } from './line.ts'
import { DOUBTED_DAYS } from './scale-fill.ts'

const READS = 100
const PAGES_DEEP = 20

/** First pages, by filter and order. */
const FIRST_PAGES = [
  'limit=50',
  'limit=50&order=oldest',
  'limit=50&order=seq',
  'limit=50&method=pin',
  'limit=50&order=oldest&method=pin',
  'limit=50&lock=garage&result=unlocked',
  'limit=50&logins=0&order=seq_desc',
] as const

const LONG_AGO_DAYS = 300
const DEEP_DAYS = 150

type Reader = { readonly url: string; readonly token: string }

/** The names of the reads that people wait for, and the median milliseconds of each. */
export const readMs = async (
  reader: Reader,
  busyAccount: string,
): Promise<ReadonlyMap<string, number>> => {
  const ask = asking(reader)
  const found = new Map<string, number>()
  const page = async (query: string) => ask(`/v1/unlocks?${query}`)
  const note = async (what: string, query: string) => {
    const times: number[] = []
    for (let done = 0; done < READS; done += 1) times.push((await page(query)).ms)
    found.set(what, median(times))
  }
  /** Follows the cursor from a first page. */
  const follow = async (what: string, query: string) => {
    const times: number[] = []
    let { next } = (await page(query)).body as Page
    for (let done = 0; done < PAGES_DEEP && next; done += 1) {
      const { ms, body } = await page(`${query}&cursor=${encodeURIComponent(next)}`)
      times.push(ms)
      next = (body as Page).next
    }
    found.set(what, median(times))
  }
  const newestMs = Date.now()
  const daysAgo = (days: number) => new Date(newestMs - days * DAY_MS).toISOString()
  const day = (days: number) => `limit=20&from=${daysAgo(days)}&to=${daysAgo(days - 1)}`

  for (const query of FIRST_PAGES) await note(`first page, \`${query}\``, query)
  await note('first page of one account', `limit=50&account=${busyAccount}`)
  await follow('next pages, deep inside', `limit=50&to=${daysAgo(DEEP_DAYS)}`)
  await follow(
    'next pages, deep inside, oldest first',
    `limit=50&order=oldest&from=${daysAgo(DEEP_DAYS)}`,
  )
  await note('one day, long ago', day(LONG_AGO_DAYS))
  const doubted = day(DOUBTED_DAYS.from + 0.5)
  await note('one day among doubted times', doubted)
  await follow('next pages among doubted times', doubted)
  const { unlocks } = (await page(day(LONG_AGO_DAYS))).body as Page
  const receipts: number[] = []
  for (const { id } of unlocks) receipts.push((await ask(`/v1/unlocks/${id}/receipt`)).ms)
  found.set('a receipt', median(receipts))
  return found
}

type Page = { readonly unlocks: readonly { readonly id: string }[]; readonly next: string | null }

/** Returns a function that reads an answer to its end. Throws unless it is 200. */
export const asking =
  ({ url, token }: Reader) =>
  async (path: string): Promise<{ readonly ms: number; readonly body: unknown }> => {
    const begun = performance.now()
    const answer = await clientOf(url).get(path, bearer(token))
    const text = await answer.text()
    const ms = performance.now() - begun
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text}`)
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false
    return { ms, body: isJson ? JSON.parse(text) : text }
  }

/** Requests everything that Today in the console needs, at once; returns the milliseconds until all is
 * answered. */
export const todayMs = async (reader: Reader): Promise<number> => {
  const ask = asking(reader)
  const begun = performance.now()
  await Promise.all(
    [
      '/v1/me',
      '/v1/gateway',
      '/v1/settings',
      '/v1/unlocks?limit=10&logins=0&order=seq_desc',
      '/v1/unlocks?limit=10&logins=0',
      statsPath(30),
      '/v1/doctor',
      '/v1/log/verification',
      '/v1/log/checkpoint',
    ].map(ask),
  )
  return performance.now() - begun
}

export const statsPath = (days: number): string => {
  const from = new Date(Date.now() - days * DAY_MS).toISOString()
  return `/v1/unlocks/stats?zone=Europe/Berlin&from=${from}`
}

/** Searches the whole log for a text that it does not contain; returns the number of requests. */
export const searchAll = async (reader: Reader): Promise<number> => {
  const ask = asking(reader)
  const query = '/v1/unlocks?limit=50&text=nowhere'
  let requests = 0
  for (let next: string | null = ''; next !== null; requests += 1) {
    const cursor: string = next ? `&cursor=${encodeURIComponent(next)}` : ''
    next = ((await ask(query + cursor)).body as Page).next
  }
  return requests
}

const NEWLINE = 10

/** Reads the whole export; returns the number of rows. */
export const exportRows = async (
  { url, token }: Reader,
  format: 'ndjson' | 'csv',
): Promise<number> => {
  const path = `/v1/unlocks/export?format=${format}`
  const answer = await clientOf(url).get(path, bearer(token))
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
  // CSV begins with the names of its columns.
  let rows = format === 'csv' ? -1 : 0
  for await (const chunk of answer.body ?? [])
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) rows += 1
  return rows
}
