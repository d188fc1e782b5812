import type { Config } from '../../config/config.ts'
import { isTrustedPeer } from './client-address.ts'

/** Which page sent a request: one of this server, one of an origin in CORS_ORIGINS, or one of any other
 * origin. `none` is a program, or a person who typed the address. */
export type PageSource = 'own' | 'allowed' | 'foreign' | 'none'

type Settings = Pick<Config, 'tlsCertFile' | 'publicUrl' | 'corsOrigins' | 'trustedProxies'>

export type PageSources = ReturnType<typeof pageSources>

/** Tells which page sent a request, by the headers that only a browser can set (Fetch Metadata, RFC 6454).
 * Another port of the same host is another origin, and so is a sandboxed page, whose origin is `null`. */
export const pageSources = (settings: Settings) => {
  const { tlsCertFile, publicUrl, corsOrigins, trustedProxies } = settings
  const forwardedOrigins = new WeakMap<Request, string>()

  const isOwn = (origin: string, request: Request): boolean =>
    [ownOrigin(request, tlsCertFile !== undefined), publicUrl].includes(origin) ||
    forwardedOrigins.get(request) === origin

  /** `Referer` grants nothing: it can only show that a page is foreign. */
  const isLinkedFromElsewhere = (request: Request): boolean => {
    const referer = request.headers.get('referer')
    if (referer === null) return false
    const origin = URL.parse(referer)?.origin
    return origin !== undefined && !corsOrigins.includes(origin) && !isOwn(origin, request)
  }

  return {
    /** Browsers send `Sec-Fetch-Site` only over HTTPS and to loopback, `Origin` with everything but
     * reads, and `Referer` unless the page forbids it, as those of this server do. */
    of: (request: Request): PageSource => {
      const { headers } = request
      const site = headers.get('sec-fetch-site')
      if (site === 'same-origin') return 'own'
      const origin = headers.get('origin')
      if (origin && corsOrigins.includes(origin)) return 'allowed'
      if (site !== null && site !== 'none') return 'foreign'
      if (!origin) return site === null && isLinkedFromElsewhere(request) ? 'foreign' : 'none'
      if (!isOwn(origin, request)) return 'foreign'
      return site === null ? 'own' : 'none'
    },

    /** Takes note of the scheme and host by which the client reached a trusted proxy. Returns that host,
     * or null if no trusted proxy told it. */
    learn: (request: Request, peer: () => string): string | null => {
      if (trustedProxies.length === 0) return null
      const host = first(request, 'x-forwarded-host')
      const scheme = first(request, 'x-forwarded-proto')
      if ((host ?? scheme) === null || !isTrustedPeer(peer(), trustedProxies)) return null
      const reached = host ?? request.headers.get('host') ?? ''
      const origin = URL.parse(`${scheme ?? 'http'}://${reached}`)?.origin
      if (origin !== undefined) forwardedOrigins.set(request, origin)
      return host
    },
  }
}

/** Each proxy of a chain adds an item; the first comes from the one that the client reached. */
const first = ({ headers }: Request, name: string): string | null =>
  headers.get(name)?.split(',')[0]?.trim() || null

/** The origin of the pages of this server, by the name under which a request reached it. Even over TLS,
 * the URL of a request may begin with http:; see cli/serve/listener.ts. */
const ownOrigin = ({ url }: Request, hasTls: boolean): string | undefined =>
  URL.parse(hasTls ? url.replace(/^http:/, 'https:') : url)?.origin
