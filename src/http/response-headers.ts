import { Elysia } from 'elysia'

/** What a document may load by default: nothing. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** What a page may load: styles, scripts, images and data from this server only. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `${NOTHING}; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'`,
} as const

const TWO_YEARS_SECONDS = 63_072_000

/** Adds a request id and the headers of OWASP ASVS 3.4 to every answer of any status. A route may
 * override them. */
export const responseHeaders = ({ hasTls }: { readonly hasTls: boolean }) =>
  new Elysia({ name: 'response-headers' }).onRequest(({ set }) => {
    Object.assign(set.headers, HEADERS, { 'x-request-id': crypto.randomUUID() })
    if (hasTls) set.headers['strict-transport-security'] = `max-age=${TWO_YEARS_SECONDS}`
  })

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
