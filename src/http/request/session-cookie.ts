import type { PageSources } from './page-source.ts'

/** The cookies of a browser session: `access` goes with every request, `refresh` and `device` only
 * to where a browser logs in and refreshes. `guest` is that of a guest's device, which has no session. */
export type SessionCookie = 'access' | 'refresh' | 'device' | 'guest'

type Value = { readonly value: string; readonly seconds: number }

type Values = Readonly<Partial<Record<SessionCookie, Value>>>

type Dependencies = { readonly hasTls: boolean; readonly pages: Pick<PageSources, 'of'> }

export type SessionCookies = ReturnType<typeof sessionCookies>

/** The endpoints that log a browser in, refresh its session and return its state. */
export const COOKIE_SESSION_PATH = '/v1/session/cookie'

const PATHS = {
  access: '/',
  refresh: COOKIE_SESSION_PATH,
  device: COOKIE_SESSION_PATH,
  guest: '/',
} as const

/** The prefixes make browsers refuse cookies that are not Secure (RFC 6265bis 4.1.3). */
const nameOf = (cookie: SessionCookie, isSecure: boolean): string =>
  isSecure ? SECURE_NAMES[cookie] : `lock-${cookie}`

const SECURE_NAMES = {
  access: '__Host-lock-access',
  refresh: '__Secure-lock-refresh',
  device: '__Secure-lock-device',
  guest: '__Host-guest',
} as const

/** True if a request carries a session in a cookie, valid or not. */
export const carriesSession = (headers: Headers): boolean =>
  headers.get('cookie')?.includes('lock-access=') === true

/** True if a browser shows that it came over HTTPS, to here or to a proxy: by the origin of its page, which it does not
 * send with reads, or by a cookie that it keeps for HTTPS. */
const isEncrypted = (headers: Headers): boolean =>
  headers.get('origin')?.startsWith('https:') === true ||
  /(?:^|; )__(?:Host|Secure)-/.test(headers.get('cookie') ?? '')

/** Cookies of sessions: HttpOnly, SameSite=Strict, and Secure if the page came over HTTPS, from here
 * or from a proxy. Browsers send a host's cookies to all its ports, and SameSite does not tell the
 * ports apart: so the cookies count only in requests from a page of this very origin. */
export const sessionCookies = ({ hasTls, pages }: Dependencies) => {
  const isSameOrigin = (request: Request): boolean => {
    const source = pages.of(request)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    return source === 'own' || (isRead && source === 'none')
  }

  const read = (request: Request, cookie: SessionCookie): string | undefined => {
    const header = request.headers.get('cookie')
    if (header === null || !isSameOrigin(request)) return undefined
    const cookies = new Bun.CookieMap(header)
    const secure = cookies.get(nameOf(cookie, true))
    // Without the prefix, a page that came without TLS may have planted it.
    const value = secure ?? (hasTls ? null : cookies.get(nameOf(cookie, false)))
    return value ?? undefined
  }

  /** Returns `Set-Cookie` values; zero seconds remove a cookie. */
  const write = (request: Request, values: Values): string[] => {
    const secure = hasTls || isEncrypted(request.headers)
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
  }

  return {
    isSameOrigin,

    /** Returns a cookie, or undefined unless the request comes from a page of this origin. */
    read,
    write,

    /** Returns the `Set-Cookie` values that remove a session from a browser. The device cookie
     * stays. */
    remove: (request: Request): string[] =>
      write(request, {
        access: { value: '', seconds: 0 },
        refresh: { value: '', seconds: 0 },
      }),
  }
}
