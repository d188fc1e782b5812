import { t } from 'elysia'
import { asset } from '../http/page/assets.ts'
import type { Endpoints } from '../http/router.ts'
import { HIDDEN, operation } from '../http/endpoint.ts'
import pageStyle from '../http/page/page.css' with { type: 'text' }
import { PAGE_HEADERS } from '../http/response-headers.ts'
import page from './page.html' with { type: 'text' }

type Dependencies = {
  readonly endpoints: Endpoints
  readonly version: string
  /** What is wrong with the unlock log, if anything is, and the first event where it shows. */
  readonly logFault: () => LogFault | undefined
}

type LogFault = { readonly fault: string; readonly seq: number | undefined }

const files = () => import('./files.ts')

const LINKS = {
  console: '/console',
  unlocks: '/getLogs',
  accounts: '/getUsers',
  api: '/swagger',
  openapi: '/swagger/json',
  live: '/livez',
  ready: '/readyz',
} as const

/** The owner's console, and the root, which leads a browser there. */
export const consoleRoutes = ({ endpoints, version, logFault }: Dependencies) => {
  const showPage = () => new Response(consolePage(logFault()), { headers: PAGE_HEADERS })
  return endpoints
    .group('default')
    .get(
      '/',
      ({ request }) =>
        request.headers.get('accept')?.includes('text/html')
          ? new Response(null, { status: 302, headers: { location: LINKS.console } })
          : Response.json({ name: 'Secure Lock Server', version, links: LINKS }),
      INDEX,
    )
    .get(
      '/page.css',
      asset(() => pageStyle, 'text/css'),
      HIDDEN,
    )
    .get('/console', showPage, CONSOLE)
    .get('/console/*', showPage, HIDDEN)
    .get(
      '/console/app.js',
      asset(async () => (await files()).SCRIPT, 'text/javascript'),
      HIDDEN,
    )
    .get(
      '/console/chart.js',
      asset(async () => (await files()).CHART_SCRIPT, 'text/javascript'),
      HIDDEN,
    )
    .get(
      '/console/proof.js',
      asset(async () => (await files()).PROOF_SCRIPT, 'text/javascript'),
      HIDDEN,
    )
    .get(
      '/console/app.css',
      asset(async () => (await files()).STYLE, 'text/css'),
      HIDDEN,
    )
}

// Types take an imported page for a bundle; it is its text.
const PAGE = page as unknown as string

/** Made for each request and never kept by a browser, so that it tells the newest verdict. */
const consolePage = (fault: LogFault | undefined): string =>
  PAGE.replace('<!-- notice -->', () => (fault ? notice(fault) : ''))

/** Everybody who reaches the port sees it: where the log is broken, and nothing of a person. */
const notice = ({ fault, seq }: LogFault): string => `
    <section class="alarm" aria-labelledby="alarm">
      <h2 id="alarm">The unlock log does not hold</h2>
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
  summary: 'What this is and where the rest is',
  answers: {
    200: {
      description: 'Name, version and links',
      schema: t.Object({
        name: t.String(),
        version: t.String(),
        links: t.Record(t.String(), t.String()),
      }),
      example: { name: 'Secure Lock Server', version: '0.1.0', links: LINKS },
    },
    302: { description: 'a browser is led to the console', contentType: 'text/html' },
  },
})

const CONSOLE = operation({
  access: 'public',
  tag: 'Pages',
  summary: 'The owner’s console',
  description: 'A page that calls this API alone; what it shows depends on who signs in.',
  answers: { 200: { description: 'A page', contentType: 'text/html' } },
})
