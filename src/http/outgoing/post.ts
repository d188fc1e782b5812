import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { type AddressRules, refusalOf } from './target-address.ts'

type Posting = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
  readonly rules: AddressRules
  /** Returns the addresses of a host name. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
}

/** What a receiver answered; the beginning of its body as text. */
export type Posted = {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** How much of an answer is read. */
const ANSWER_BYTES_MAX = 4096

/** Posts to a URL by a connection to an address that was looked up and found permitted, and to no other: a name
 * that has another address a moment later leads nowhere else. Follows no redirect, and uses no proxy of the
 * environment, unlike `fetch`. Throws with a message that may be shown. */
export const post = async (posting: Posting): Promise<Posted> => {
  const url = new URL(posting.url)
  const addresses = await permitted(url, posting)
  const isTls = url.protocol === 'https:'
  const { request } = isTls ? await import('node:https') : await import('node:http')
  const { promise, resolve, reject } = Promise.withResolvers<Posted>()
  const sent = request(
    {
      protocol: url.protocol,
      hostname: url.hostname,
      port: portOf(url),
      path: url.pathname + url.search,
      method: 'POST',
      headers: { ...posting.headers, 'content-length': Buffer.byteLength(posting.body) },
      agent: false,
      signal: posting.signal,
      lookup: (_, options, callback) => {
        const [first] = addresses
        if (options.all) callback(null, [...addresses])
        else if (first) callback(null, first.address, first.family)
      },
    },
    (answer) => void readAnswer(answer).then(resolve, reject),
  )
  sent.on('error', reject)
  sent.end(posting.body)
  try {
    return await promise
  } catch (error) {
    throw new Error(wordsOf(error, posting.signal), { cause: error })
  }
}

/** Returns the addresses of a URL's host that may be connected to, IPv4 first. */
const permitted = async (
  url: URL,
  { signal, rules, resolve = resolved }: Posting,
): Promise<readonly LookupAddress[]> => {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const found = ipaddr.isValid(host)
    ? [{ address: host, family: ipaddr.parse(host).kind() === 'ipv4' ? 4 : 6 }]
    : await within(signal, resolve(host))
  const refusals = found.map(({ address }) => refusalOf(address, portOf(url), rules))
  const allowed = found.filter((_, at) => refusals[at] === undefined)
  if (allowed.length > 0) return allowed.toSorted((one, other) => one.family - other.family)
  throw new Error(
    found.length === 0 ? NO_ADDRESS : `Not sent: the address is ${refusals.find(Boolean) ?? ''}`,
  )
}

const NO_ADDRESS = 'The name has no address'

const resolved = async (host: string): Promise<readonly LookupAddress[]> => {
  try {
    return await lookup(host, { all: true })
  } catch {
    throw new Error(NO_ADDRESS)
  }
}

const portOf = ({ protocol, port }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)

/** Rejects once the signal is aborted, though the work may go on. */
const within = <Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(new Error(wordsOf(undefined, signal)))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort))
}

const readAnswer = async (answer: IncomingMessage): Promise<Posted> => {
  const chunks: Uint8Array[] = []
  let size = 0
  const status = answer.statusCode ?? 0
  const retryAfter = answer.headers['retry-after']
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      size += chunk.byteLength
      if (size >= ANSWER_BYTES_MAX) break
    }
  } catch {
    // The status has told what became of the message.
  } finally {
    answer.destroy()
  }
  const bytes = Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX)
  return { status, retryAfter, text: new TextDecoder().decode(bytes) }
}

/** Returns what went wrong, for the owner. */
const wordsOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return 'No answer within 15 seconds'
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code === 'ECONNREFUSED') return 'Connection refused'
  if (code !== undefined && /CERT|SIGNATURE|ISSUER|TLS/.test(code))
    return `The certificate is not trusted (${code})`
  return code === undefined ? 'The connection failed' : `The connection failed (${code})`
}
