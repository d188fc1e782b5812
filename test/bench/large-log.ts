import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { type App, openApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import type { NewUnlockEvent } from '../../src/unlocks/log/event.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { runCommand, startService } from '../support/binary.ts'
import { median } from './line.ts'
import { memoryMiB, resetPeak } from './process.ts'
import { QUIET } from './service.ts'

const OWNER = 'owner'
const METHODS = ['fingerprint', 'pin', 'face', 'card'] as const
const LOCKS = ['front-door', 'back-door', 'garage'] as const
const SUBMISSION_EVENTS = 500
const RECEIPTS = 2000
const PAGES = 200

/** The first pages that are timed: unfiltered, with one filter, and with two. */
const QUERIES = ['limit=50', 'limit=50&method=pin', 'limit=50&lock=garage&result=unlocked'] as const

/** Appends events through the service's own code until the log of a folder has that many entries; returns
 * events per second. */
export const fill = (folder: string, entries: number): Promise<number> =>
  withApp(folder, async (app) => {
    if (!(await app.accounts.store.hasOwner()))
      await app.accounts.newAccounts.add(
        { username: OWNER, password: PASSWORD, phone: '1', address: 'x' },
        OWNER,
      )
    const { size } = await app.unlocks.unlockLog.head()
    const begun = performance.now()
    for (let seq = size; seq < entries; seq += SUBMISSION_EVENTS)
      await app.unlocks.unlockLog.append(
        Array.from({ length: Math.min(SUBMISSION_EVENTS, entries - seq) }, (_, at) =>
          numberedEvent(seq + at),
        ),
      )
    return (entries - size) / seconds(begun)
  })

const numberedEvent = (seq: number): NewUnlockEvent => ({
  id: Bun.randomUUIDv7(),
  accountPublicId: `00000000-0000-4000-8000-${String(seq % 20).padStart(12, '0')}`,
  username: `person-${seq % 20}`,
  method: METHODS[seq % METHODS.length] ?? METHODS[0],
  lock: LOCKS[seq % LOCKS.length] ?? LOCKS[0],
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
})

/** Milliseconds of work for one receipt, the mean over random events. */
export const receiptMs = (folder: string): Promise<number> =>
  withApp(folder, async ({ unlocks: { unlockLog } }) => {
    const { size } = await unlockLog.head()
    const begun = performance.now()
    for (let done = 0; done < RECEIPTS; done += 1)
      await unlockLog.receipt(Math.floor(Math.random() * size))
    return (seconds(begun) * 1000) / RECEIPTS
  })

/** Entries per second that `log verify` recomputes, without its start; throws unless the log is intact. */
export const verifiedPerSecond = async (folder: string, events: number): Promise<number> => {
  const [starting] = await timed(() => runCommand(['log', 'key'], { folder }))
  const [whole, { status, out, words }] = await timed(() =>
    runCommand(['log', 'verify'], { folder }),
  )
  if (status !== 0 || !out.includes(String(events))) throw new Error(`log verify: ${out}${words}`)
  return events / (whole - starting)
}

/** The median milliseconds until the first page arrives, for each query. */
export const firstPagesMs = async (folder: string): Promise<ReadonlyMap<string, number>> => {
  await using service = await startService({ folder, env: QUIET })
  const token = await signIn(service.url)
  const { get } = clientOf(service.url)
  const medians = new Map<string, number>()
  for (const query of QUERIES) {
    const times: number[] = []
    for (let done = 0; done < PAGES; done += 1) {
      const begun = performance.now()
      const answer = await get(`/v1/unlocks?${query}`, bearer(token))
      await answer.arrayBuffer()
      if (answer.status !== 200) throw new Error(`/v1/unlocks?${query} answered ${answer.status}`)
      times.push(performance.now() - begun)
    }
    medians.set(query, median(times))
  }
  await service.stop()
  return medians
}

type Export = {
  readonly rowsPerSecond: number
  readonly restMiB: number
  readonly peakMiB: number
}

/** Reads the whole export and watches the service's memory. The log has that many entries; those that are
 * no events, such as the locks that the service made, are not exported. */
export const exported = async (folder: string, entries: number): Promise<Export> => {
  const events = entries - recordsIn(folder)
  await using service = await startService({ folder, env: QUIET })
  const token = await signIn(service.url)
  const restMiB = memoryMiB(service.pid, 'VmRSS')
  resetPeak(service.pid)
  const begun = performance.now()
  const answer = await clientOf(service.url).get('/v1/unlocks/export?format=ndjson', bearer(token))
  if (answer.status !== 200) throw new Error(`/v1/unlocks/export answered ${answer.status}`)
  let rows = 0
  for await (const chunk of answer.body ?? [])
    for (const byte of chunk) if (byte === NEWLINE) rows += 1
  if (rows !== events) throw new Error(`the export has ${rows} rows instead of ${events}`)
  const found = {
    rowsPerSecond: rows / seconds(begun),
    restMiB,
    peakMiB: memoryMiB(service.pid, 'VmHWM'),
  }
  await service.stop()
  return found
}

const NEWLINE = 10

const recordsIn = (folder: string): number => {
  using db = new Database(join(folder, 'data/secure-lock.db'), { readonly: true })
  return db.query<unknown, []>('SELECT 1 FROM log_record').all().length
}

const signIn = async (url: string): Promise<string> => {
  const answer = await clientOf(url).post('/login', { username: OWNER, password: PASSWORD })
  return ((await answer.json()) as { access_token: string }).access_token
}

const withApp = async <Result>(
  folder: string,
  work: (app: App) => Promise<Result>,
): Promise<Result> => {
  const config = parseConfig({ DATA_DIR: join(folder, 'data') })
  const app = await openApp(config, { logger: processLogger({ level: 'fatal', format: 'text' }) })
  try {
    return await work(app)
  } finally {
    await app[Symbol.asyncDispose]()
  }
}

const timed = async <Result>(work: () => Promise<Result>): Promise<readonly [number, Result]> => {
  const begun = performance.now()
  const result = await work()
  return [seconds(begun), result]
}

const seconds = (begun: number): number => (performance.now() - begun) / 1000
