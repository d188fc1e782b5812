import { t } from 'elysia'
import { asset } from '../http/assets.ts'
import type { Endpoints } from '../http/endpoints.ts'
import { HIDDEN, operation } from '../http/operation.ts'
import css from '../http/page.css' with { type: 'text' }
import { PAGE_HEADERS } from '../http/response-headers.ts'
import page from './page.html' with { type: 'text' }

type Dependencies = { readonly endpoints: Endpoints; readonly version: string }

const LINKS = {
  unlocks: '/getLogs',
  accounts: '/getUsers',
  api: '/swagger',
  openapi: '/swagger/json',
  live: '/livez',
  ready: '/readyz',
} as const

/** What stands at the root: a page for a browser, the same as JSON for anything else. */
export const consoleRoutes = ({ endpoints, version }: Dependencies) =>
  endpoints
    .group('default')
    .get(
      '/',
      ({ request }) =>
        request.headers.get('accept')?.includes('text/html')
          ? new Response(PAGE, { headers: PAGE_HEADERS })
          : Response.json({ name: 'Secure Lock Server', version, links: LINKS }),
      INDEX,
    )
    .get('/page.css', asset(css, 'text/css'), HIDDEN)

// Types take an imported page for a bundle; it is its text.
const PAGE = page as unknown as string

const INDEX = operation({
  access: 'public',
  tag: 'Pages',
  summary: 'What this is and where the rest is',
  answers: {
    200: [
      {
        description: 'Name, version and links',
        schema: t.Object({
          name: t.String(),
          version: t.String(),
          links: t.Record(t.String(), t.String()),
        }),
        example: { name: 'Secure Lock Server', version: '0.1.0', links: LINKS },
      },
      { description: 'the same as a page', contentType: 'text/html' },
    ],
  },
})
