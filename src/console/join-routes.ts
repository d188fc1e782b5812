import { type Endpoint, endpoint, hiddenEndpoint } from '../http/endpoint.ts'
import { asset } from '../http/page/assets.ts'
import { PAGE_HEADERS } from '../http/response-headers.ts'
import css from './join.css' with { type: 'text' }
import page from './join.html' with { type: 'text' }
// oxlint-disable-next-line import/default -- it is imported as text
import script from './join.js' with { type: 'text' }

/** The page that links with setup codes and invitations lead to. */
export const joinRoutes = (): readonly Endpoint[] => [
  showPage(),
  hiddenEndpoint(
    '/join.css',
    asset(() => css, 'text/css'),
  ),
  hiddenEndpoint(
    '/join.js',
    asset(() => script, 'text/javascript'),
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
