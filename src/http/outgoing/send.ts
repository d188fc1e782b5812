import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Returns why connections to an address are refused, or undefined if they are allowed. */
export type RefusalOf = (address: string, port: number) => string | undefined

type Sending = {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
  readonly refusalOf: RefusalOf
  /** How much of a response is read. */
  readonly answerBytesMax: number
  /** Returns the addresses of a host name. */
  readonly resolve?: ((host: string) => Promise<readonly LookupAddress[]>) | undefined
}

type Sent = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The body, or its beginning. */
  readonly text: string
}

/** Thrown if nothing was sent. The message may be shown. */
export class UnsentError extends Error {}

/** Sends a request to an address that was resolved and allowed, and to no other, which rules out DNS rebinding. Unlike
 * `fetch`, it follows no redirects and uses no proxy from the environment. Rejects if there is no response; with
 * UnsentError if nothing was sent. */
export const send = async (sending: Sending): Promise<Sent> => {
  const { method, headers, body, signal, answerBytesMax } = sending
  const url = new URL(sending.url)
  const addresses = await permitted(url, sending)
  const isTls = url.protocol === 'https:'
  const { request } = isTls ? await import('node:https') : await import('node:http')
  const { promise, resolve, reject } = Promise.withResolvers<Sent>()
  const sent = request(
    {
      protocol: url.protocol,
      hostname: url.hostname,
      port: portOf(url),
      path: url.pathname + url.search,
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
    (answer) => void readAnswer(answer, answerBytesMax).then(resolve, reject),
  )
  sent.on('error', (error) => reject(wasRefused(error) ? new UnsentError(REFUSED) : error))
  sent.end(body)
  return promise
}

const REFUSED = 'Connection refused'
const NO_ADDRESS = 'The host name has no address'

const UNCONNECTED = new Set(['ECONNREFUSED', 'ConnectionRefused', 'EHOSTUNREACH', 'ENETUNREACH'])

const wasRefused = (error: Error): boolean => 'code' in error && UNCONNECTED.has(String(error.code))

/** Returns the allowed addresses of a URL’s host, IPv4 first, since few devices have IPv6. */
const permitted = async (
  url: URL,
  { signal, refusalOf, resolve = resolved }: Sending,
): Promise<readonly LookupAddress[]> => {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const found = ipaddr.isValid(host)
    ? [{ address: host, family: ipaddr.parse(host).kind() === 'ipv4' ? 4 : 6 }]
    : await within(signal, resolve(host))
  const refusals = found.map(({ address }) => refusalOf(address, portOf(url)))
  const allowed = found.filter((_, at) => refusals[at] === undefined)
  if (allowed.length > 0) return allowed.toSorted((one, other) => one.family - other.family)
  throw new UnsentError(
    found.length === 0 ? NO_ADDRESS : `Not sent: the address is ${refusals.find(Boolean) ?? ''}`,
  )
}

const resolved = async (host: string): Promise<readonly LookupAddress[]> => {
  try {
    return await lookup(host, { all: true })
  } catch {
    throw new UnsentError(NO_ADDRESS)
  }
}

const portOf = ({ protocol, port }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)

/** Rejects once the signal is aborted, although the work may continue. */
const within = <Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(new UnsentError('The host name was not resolved in time'))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort))
}

const readAnswer = async (answer: IncomingMessage, bytesMax: number): Promise<Sent> => {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      size += chunk.byteLength
      if (size >= bytesMax) break
    }
  } catch {
    // The status already says how the request ended.
  } finally {
    answer.destroy()
  }
  const bytes = Buffer.concat(chunks).subarray(0, bytesMax)
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    text: new TextDecoder().decode(bytes),
  }
}
