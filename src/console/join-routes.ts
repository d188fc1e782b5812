import { asset } from '../http/page/assets.ts'
import type { Endpoints } from '../http/router.ts'
import { HIDDEN, operation } from '../http/endpoint.ts'
import { PAGE_HEADERS } from '../http/response-headers.ts'
import css from './join.css' with { type: 'text' }
import page from './join.html' with { type: 'text' }
// oxlint-disable-next-line import/default -- it is imported as text
import script from './join.js' with { type: 'text' }

/** The page that links of setup codes and invitations lead to. */
export const joinRoutes = (endpoints: Endpoints) =>
  endpoints
    .group('default')
    .get('/join', () => new Response(PAGE, { headers: PAGE_HEADERS }), JOIN)
    .get(
      '/join.css',
      asset(() => css, 'text/css'),
      HIDDEN,
    )
    .get(
      '/join.js',
      asset(() => script, 'text/javascript'),
      HIDDEN,
    )

// Types take an imported page for a bundle; it is its text.
const PAGE = page as unknown as string

const JOIN = operation({
  access: 'public',
  tag: 'Pages',
  summary: 'Where an invited person registers, and the first owner claims the gateway',
  description: 'The code stands behind `#` in the link, where no browser sends it to a server.',
  answers: { 200: { description: 'A page', contentType: 'text/html' } },
})
