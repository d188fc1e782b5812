import { type Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { pinnedAgent } from './pinned-agent.ts'

/** An answer of the gateway. */
export type Answer = {
  readonly status: number
  /** The body as JSON; undefined if there is none or it is not JSON. */
  readonly body: unknown
}

type Asking = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  readonly signal?: AbortSignal
  readonly timeoutMs: number
}

export type Gateway = {
  /** Sends a request. Rejects if there is no whole answer in time. */
  readonly ask: (asking: Asking) => Promise<Answer>
  /** The time of day at the gateway by its last answer, and when that came by the monotonic clock. */
  readonly lastTime: () => { readonly wallMs: number; readonly monotonicMs: number } | undefined
  readonly close: () => void
}

/** The longest answer of the gateway, in bytes. */
const ANSWER_BYTES_MAX = 1024 ** 2

/** A gateway at an address, with its certificate pinned if there is a fingerprint. Proxies that the environment names are
 * not used. */
export const gatewayAt = (url: URL, caSha256: string | undefined): Gateway => {
  const isTls = url.protocol === 'https:'
  const agent: HttpAgent | HttpsAgent | undefined =
    caSha256 === undefined
      ? isTls
        ? new HttpsAgent({ keepAlive: true, maxSockets: 4 })
        : undefined
      : pinnedAgent(caSha256)
  // The pinned connection is encrypted already when the request gets it.
  const send = isTls && caSha256 === undefined ? httpsRequest : httpRequest
  let time: { wallMs: number; monotonicMs: number } | undefined

  return {
    ask: ({ method, path, token, body, signal, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const content = body === undefined ? undefined : JSON.stringify(body)
        const timeout = AbortSignal.timeout(timeoutMs)
        const ended = signal ? AbortSignal.any([signal, timeout]) : timeout
        const fail = (error: unknown): void =>
          reject(timeout.aborted ? new Error('It did not answer in time') : error)
        // A request that still waits for its connection does not say that it was ended.
        ended.addEventListener('abort', () => fail(ended.reason), { once: true })
        const request = send(
          {
            host: url.hostname.replaceAll(/[[\]]/g, ''),
            port: url.port || (isTls ? 443 : 80),
            path: `${url.pathname.replace(/\/$/, '')}${path}`,
            method,
            ...(agent ? { agent } : {}),
            signal: ended,
            headers: {
              host: url.host,
              ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
              ...(content === undefined
                ? {}
                : {
                    'content-type': 'application/json',
                    'content-length': String(Buffer.byteLength(content)),
                  }),
            },
          },
          (response) => {
            const wallMs = Date.parse(response.headers.date ?? '')
            if (!Number.isNaN(wallMs)) time = { wallMs, monotonicMs: performance.now() }
            read(response).then(
              (text) => resolve({ status: response.statusCode ?? 0, body: parsed(text) }),
              reject,
            )
          },
        )
        request.on('error', fail)
        request.end(content)
      }),
    lastTime: () => time,
    close: () => agent?.destroy(),
  }
}

const read = async (response: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response) {
    const bytes = Buffer.from(part as Uint8Array)
    length += bytes.length
    if (length > ANSWER_BYTES_MAX) throw new Error('Its answer is too long')
    parts.push(bytes)
  }
  return Buffer.concat(parts).toString('utf8')
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
