import { Elysia } from 'elysia'
import type { Clock } from '../domain/clock.ts'
import type { AnswerHeaders } from './endpoint.ts'

/** What a document may load by default: nothing. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** What a page may load: styles, scripts, images and data from this server only. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `${NOTHING}; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'`,
} as const

const TWO_YEARS_SECONDS = 63_072_000

/** Adds the headers of every answer. A route may override them. */
export const responseHeaders = (headersOf: () => AnswerHeaders) =>
  new Elysia({ name: 'response-headers' }).onRequest(({ set }) => {
    Object.assign(set.headers, headersOf())
  })

type Answering = {
  readonly hasTls: boolean
  /** The clock that answers report, if it is not that of this machine. */
  readonly clock?: Pick<Clock, 'wallMs'> | undefined
}

/** Returns the headers of every answer of any status: a request id and those of OWASP ASVS 3.4. With a clock, also the
 * date, against which controllers and phones of guests check their own clocks. */
export const answerHeaders = ({ hasTls, clock }: Answering) => {
  const shared = {
    ...HEADERS,
    ...(hasTls ? { 'strict-transport-security': `max-age=${TWO_YEARS_SECONDS}` } : {}),
  }
  return (): AnswerHeaders => ({
    ...shared,
    ...(clock ? { date: new Date(clock.wallMs()).toUTCString() } : {}),
    'x-request-id': crypto.randomUUID(),
  })
}

export const requestIdOf = (headers: AnswerHeaders): string | undefined => {
  const id = headers['x-request-id']
  return id === undefined ? undefined : String(id)
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': NOTHING,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const
