/** What a browser keeps instead of tokens: `access` goes with every request, `refresh` and `device`
 * only to where one signs in and goes on. */
export type SessionCookie = 'access' | 'refresh' | 'device'

type Value = { readonly value: string; readonly seconds: number }

/** How a page reaches this service, as far as the settings say. */
type Reached = { readonly hasTls: boolean; readonly publicUrl: string }

export type SessionCookies = ReturnType<typeof sessionCookies>

/** Where the cookies of a session are set, renewed and told about. */
export const COOKIE_SESSION_PATH = '/v1/session/cookie'

const PATHS = {
  access: '/',
  refresh: COOKIE_SESSION_PATH,
  device: COOKIE_SESSION_PATH,
} as const

/** The prefixes make browsers refuse what is not Secure (RFC 6265bis 4.1.3). */
const nameOf = (cookie: SessionCookie, isSecure: boolean): string =>
  isSecure ? `${cookie === 'access' ? '__Host-' : '__Secure-'}lock-${cookie}` : `lock-${cookie}`

/** Whether a request carries a session in a cookie, good or not. */
export const carriesSession = (headers: Headers): boolean =>
  headers.get('cookie')?.includes('lock-access=') === true

/** Cookies of sessions: HttpOnly, SameSite=Strict, and Secure where the page came by HTTPS, from
 * here or from a proxy. A host's cookies go to all its ports, and SameSite does not tell those
 * apart: so they count only where a page of this very origin asks. */
export const sessionCookies = ({ hasTls, publicUrl }: Reached) => {
  /** Browsers say `Sec-Fetch-Site` over HTTPS alone, and `Origin` with all that is not read. */
  const isSameOrigin = ({ method, headers, url }: Request): boolean => {
    const isRead = method === 'GET' || method === 'HEAD'
    const site = headers.get('sec-fetch-site')
    if (site !== null) return site === 'same-origin' || (isRead && site === 'none')
    const origin = headers.get('origin')
    if (origin === null) return isRead
    // Behind TLS, too, the URL of a request may begin as one without; see cli/listener.ts.
    const asked = URL.parse(hasTls ? url.replace(/^http:/, 'https:') : url)?.origin
    return [asked, publicUrl || undefined].includes(origin)
  }

  const read = (request: Request, cookie: SessionCookie): string | undefined => {
    const header = request.headers.get('cookie')
    if (header === null || !isSameOrigin(request)) return undefined
    const cookies = new Bun.CookieMap(header)
    const secure = cookies.get(nameOf(cookie, true))
    // Without the prefix it may have been planted from a page that came without TLS.
    const value = secure ?? (hasTls ? null : cookies.get(nameOf(cookie, false)))
    return value ?? undefined
  }

  return {
    isSameOrigin,

    /** Gives a cookie of a request from a page of this origin. */
    read,

    /** Gives `Set-Cookie` lines; one of 0 seconds removes its cookie. */
    write: (
      request: Request,
      values: Readonly<Partial<Record<SessionCookie, Value>>>,
    ): string[] => {
      const secure = hasTls || request.headers.get('origin')?.startsWith('https:') === true
      return (Object.entries(values) as [SessionCookie, Value][]).map(
        ([cookie, { value, seconds: maxAge }]) =>
          new Bun.Cookie({
            name: nameOf(cookie, secure),
            value,
            path: PATHS[cookie],
            maxAge,
            secure,
            httpOnly: true,
            sameSite: 'strict',
          }).serialize(),
      )
    },
  }
}
