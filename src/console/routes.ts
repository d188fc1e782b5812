import { t } from 'elysia'
import { asset } from '../http/assets.ts'
import type { Endpoints } from '../http/endpoints.ts'
import { HIDDEN, operation } from '../http/operation.ts'
import css from '../http/page.css' with { type: 'text' }
import { PAGE_HEADERS } from '../http/response-headers.ts'
import page from './page.html' with { type: 'text' }

type Dependencies = {
  readonly endpoints: Endpoints
  readonly version: string
  /** What is wrong with the unlock log, if anything is, and the first event where it shows. */
  readonly logFault: () => LogFault | undefined
}

type LogFault = { readonly fault: string; readonly seq: number | undefined }

const LINKS = {
  unlocks: '/getLogs',
  accounts: '/getUsers',
  api: '/swagger',
  openapi: '/swagger/json',
  live: '/livez',
  ready: '/readyz',
} as const

/** What stands at the root: a page for a browser, the same as JSON for anything else. */
export const consoleRoutes = ({ endpoints, version, logFault }: Dependencies) =>
  endpoints
    .group('default')
    .get(
      '/',
      ({ request }) =>
        request.headers.get('accept')?.includes('text/html')
          ? new Response(firstPage(logFault()), { headers: PAGE_HEADERS })
          : Response.json({ name: 'Secure Lock Server', version, links: LINKS }),
      INDEX,
    )
    .get('/page.css', asset(css, 'text/css'), HIDDEN)

// Types take an imported page for a bundle; it is its text.
const PAGE = page as unknown as string

/** Made for each request and never kept by a browser, so that it tells the newest verdict. */
const firstPage = (fault: LogFault | undefined): string =>
  PAGE.replace('<!-- notice -->', () => (fault ? notice(fault) : ''))

/** Everybody who reaches the port sees it: where the log is broken, and nothing of a person. */
const notice = ({ fault, seq }: LogFault): string => `
      <section class="notice" aria-labelledby="notice">
        <h2 id="notice">The unlock log does not hold</h2>
        <p>
          A check found that it is not what was recorded. ${Bun.escapeHTML(fault)}.
          ${seq === undefined ? '' : firstWrong(seq)}
        </p>
        <ol>
          <li>Keep the files: copy the whole data folder before anything is changed in it.</li>
          <li>On the gateway, <code>secure-lock-server log verify</code> says what is wrong.</li>
          <li>
            The same with <code>--checkpoint FILE</code> compares the log with a checkpoint or a
            receipt that somebody kept.
          </li>
        </ol>
      </section>`

const firstWrong = (seq: number): string =>
  `First wrong event: <strong>${seq}</strong>. The table counts from 1, and calls it ${seq + 1}.`

const INDEX = operation({
  access: 'public',
  tag: 'Pages',
  faults: 'message',
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
