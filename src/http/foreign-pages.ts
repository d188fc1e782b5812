import { Elysia } from 'elysia'
import { HttpError } from './errors.ts'
import type { PageSources } from './request/page-source.ts'

type Dependencies = {
  readonly pages: PageSources
  /** Tells whether a `Host` names this server. */
  readonly isOwnHost: (host: string | null) => boolean
}

/** Returns the function that refuses requests that a foreign page makes a browser send, before anything counts
 * them, identifies their caller or reads their body: with 421 if the browser reached this server by a foreign
 * name, with 403 if the page has another origin. A link from another site still opens a page. Programs
 * other than browsers are not affected. */
export const foreignPageRefusal =
  ({ pages, isOwnHost }: Dependencies) =>
  (request: Request, peer: () => string): void => {
    const forwardedHost = pages.learn(request, peer)
    const isOwn =
      isOwnHost(request.headers.get('host')) && (forwardedHost === null || isOwnHost(forwardedHost))
    if (!isOwn && isFromBrowser(request))
      throw new HttpError(421, UNKNOWN_HOST, {}, { reason: 'unknown_host' })
    if (pages.of(request) === 'foreign' && !isLink(request))
      throw new HttpError(403, FOREIGN_PAGE, {}, { reason: 'foreign_origin' })
  }

/** Refuses such requests on every route. */
export const foreignPages = (refuse: ReturnType<typeof foreignPageRefusal>) =>
  new Elysia({ name: 'foreign-pages' }).onRequest(({ request, server }) => {
    refuse(request, () => server?.requestIP(request)?.address ?? '')
  })

/** Sent until the settings change. */
const UNKNOWN_HOST =
  'This server does not know itself by that name; open it by its IP address, or add the name to ALLOWED_HOSTS'
const FOREIGN_PAGE =
  'Pages of other sites may not do this; to allow one, add its origin to CORS_ORIGINS, and behind a proxy, set PUBLIC_URL to the address of the page'

const isFromBrowser = ({ headers }: Request): boolean =>
  MARKS.some((name) => headers.has(name)) ||
  acceptsPage(headers.get('accept') ?? '') ||
  BROWSER.test(headers.get('user-agent') ?? '')

const FETCH_METADATA = ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest'] as const
const MARKS = ['origin', 'referer', 'cookie', ...FETCH_METADATA] as const

/** All browsers call themselves Mozilla; so does PowerShell. */
const BROWSER = /^Mozilla\/(?!.*PowerShell)/

/** Java's own HTTP client accepts pages, and GIF, by default; no browser lists GIF. */
const acceptsPage = (accept: string): boolean =>
  accept.includes('text/html') && !accept.includes('image/gif')

/** True if a person followed a link in a page of another site. Inside a frame it is no link, and with a
 * name and password in its address, it would count as a login. Over plain HTTP, only the pages that a
 * browser accepts tell a link from an image. */
const isLink = ({ method, headers }: Request): boolean =>
  method === 'GET' &&
  (FETCH_METADATA.some((name) => headers.has(name))
    ? headers.get('sec-fetch-mode') === 'navigate' &&
      (headers.get('sec-fetch-dest') ?? 'document') === 'document'
    : !headers.has('origin') && acceptsPage(headers.get('accept') ?? '')) &&
  !headers.has('authorization')
