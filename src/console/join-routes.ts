import { type Endpoint, endpoint, hiddenEndpoint } from '../http/endpoint.ts'
import { asset } from '../http/page/assets.ts'
import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }
import { PAGE_HEADERS } from '../http/response-headers.ts'
import page from './join.html' with { type: 'text' }

const SCRIPT = browserBundle('console/join.js', '--production')
const STYLE = browserBundle('console/join.css', '--minify')

/** The page that links with setup codes and invitations lead to. */
export const joinRoutes = (): readonly Endpoint[] => [
  showPage(),
  hiddenEndpoint(
    '/join.css',
    asset(() => STYLE, 'text/css'),
  ),
  hiddenEndpoint(
    '/join.js',
    asset(() => SCRIPT, 'text/javascript'),
  ),
]

// The types say that an imported page is a bundle, but with `type: 'text'` it is a string. Right with
// TypeScript 7.1 (https://github.com/oven-sh/bun/pull/41076).
const PAGE = page as unknown as string

const showPage = () =>
  endpoint(
    {
      method: 'GET',
      path: '/join',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'openJoinPage',
      summary: 'Open the page to register with a setup code, an invitation or neither',
      description: 'The code is after `#` in the link, which a browser does not send to a server.',
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
    },
    () => new Response(PAGE, { headers: PAGE_HEADERS }),
  )
