import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import type { Answered, Ask } from '../request.ts'

/** Returns why nothing may connect to an address, or undefined if it may. */
export type RefusalOf = (address: string, port: number) => string | undefined

/** Sends a request to a device of the home. Rejects without an answer; with UnsentError if nothing was sent. */
export type Reach = (ask: Ask, signal: AbortSignal) => Promise<Answered>

/** Nothing was sent. The message may be shown. */
export class UnsentError extends Error {}

/** More of an answer is not read. */
const ANSWER_BYTES_MAX = 64 * 1024

/** Returns how to reach devices: by a connection to an address that was looked up and found permitted, and to no other.
 * Follows no redirect, and uses no proxy of the environment. */
export const deviceReach =
  (refusalOf: RefusalOf): Reach =>
  async ({ method, url: text, headers, body = '' }, signal) => {
    const url = new URL(text)
    const addresses = await permitted(url, refusalOf)
    const { request } =
      url.protocol === 'https:' ? await import('node:https') : await import('node:http')
    const { promise, resolve, reject } = Promise.withResolvers<Answered>()
    const sent = request(
      url,
      {
        method,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        signal,
        lookup: (_, options, callback) => {
          const [first] = addresses
          if (options.all) callback(null, [...addresses])
          else if (first) callback(null, first.address, first.family)
        },
      },
      (answer) => void readAnswer(answer).then(resolve, reject),
    )
    sent.on('error', (error) => reject(wasRefused(error) ? new UnsentError(UNREACHED) : error))
    sent.end(body)
    return promise
  }

const UNREACHED = 'no connection'

const permitted = async (url: URL, refusalOf: RefusalOf): Promise<readonly LookupAddress[]> => {
  const found = await addressesOf(url.hostname.replace(/^\[(.*)\]$/, '$1'))
  const refusals = found.map(({ address }) => refusalOf(address, portOf(url)))
  const allowed = found.filter((_, at) => refusals[at] === undefined)
  if (allowed.length > 0) return allowed
  throw new UnsentError(refusals[0] ?? UNREACHED)
}

const addressesOf = async (host: string): Promise<readonly LookupAddress[]> => {
  try {
    // An address is its own; IPv4 first, because few devices have IPv6.
    return (await lookup(host, { all: true })).toSorted((one, other) => one.family - other.family)
  } catch {
    return []
  }
}

const portOf = ({ protocol, port }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)

const UNCONNECTED = new Set(['ECONNREFUSED', 'ConnectionRefused', 'EHOSTUNREACH', 'ENETUNREACH'])

const wasRefused = (error: Error): boolean => 'code' in error && UNCONNECTED.has(String(error.code))

const readAnswer = async (answer: IncomingMessage): Promise<Answered> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size >= ANSWER_BYTES_MAX) break
  }
  answer.destroy()
  const bytes = Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX)
  return {
    status: answer.statusCode ?? 0,
    body: new TextDecoder().decode(bytes),
    challenge: answer.headers['www-authenticate'] ?? null,
  }
}
