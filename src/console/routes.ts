import { Type as t } from '@sinclair/typebox'
import { type Endpoint, endpoint, hiddenEndpoint } from '../http/endpoint.ts'
import { asset } from '../http/page/assets.ts'
import { browserBundle } from '../http/page/browser-bundle.ts' with { type: 'macro' }
import { PAGE_HEADERS } from '../http/response-headers.ts'
import page from './page.html' with { type: 'text' }

type Dependencies = {
  readonly version: string
  /** What a new password needs, in words. */
  readonly passwordRule: string
  /** What is wrong with the unlock log and the first event where it shows, or undefined if nothing is
   * known to be wrong. */
  readonly logFault: () => LogFault | undefined
  /** If the log is stopped, why, in a sentence for anyone. */
  readonly logStop: () => LogStop | undefined
}

type LogStop = { readonly says: string }

type LogFault = { readonly fault: string; readonly seq: number | undefined }

/** The console, the page that links with codes lead to, and the root, which redirects a browser to the
 * console. */
export const consoleRoutes = (deps: Dependencies): readonly Endpoint[] => {
  const showPage = () => new Response(consolePage(deps), { headers: PAGE_HEADERS })
  return [
    readIndex(deps),
    hiddenEndpoint(
      '/page.css',
      asset(() => PAGE_STYLE, 'text/css'),
    ),
    hiddenEndpoint(
      '/page.js',
      asset(() => PAGE_SCRIPT, 'text/javascript'),
    ),
    readConsole(showPage),
    readJoin(showPage),
    hiddenEndpoint('/console/*', showPage),
    hiddenEndpoint(
      '/console/app.js',
      asset(async () => (await files()).SCRIPT, 'text/javascript'),
    ),
    hiddenEndpoint(
      '/console/chart.js',
      asset(async () => (await files()).CHART_SCRIPT, 'text/javascript'),
    ),
    hiddenEndpoint(
      '/console/proof.js',
      asset(async () => (await files()).PROOF_SCRIPT, 'text/javascript'),
    ),
    hiddenEndpoint(
      '/console/app.css',
      asset(async () => (await files()).STYLE, 'text/css'),
    ),
  ]
}

const PAGE_STYLE = browserBundle('http/page/page.css', '--minify')
const PAGE_SCRIPT = browserBundle('http/page/page.js', '--production')

const files = () => import('./files.ts')

const LINKS = {
  console: '/console',
  unlocks: '/getLogs',
  accounts: '/getUsers',
  manual: '/manual',
  api: '/swagger',
  openapi: '/swagger/json',
  live: '/livez',
  ready: '/readyz',
} as const

const readIndex = ({ version }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'getIndex',
      summary: 'Get the version and links to everything else',
      answers: {
        200: {
          description: 'Name, version and links',
          schema: t.Object(
            {
              name: t.String(),
              version: t.String(),
              links: t.Record(t.String(), t.String()),
            },
            { $id: 'ServerInfo' },
          ),
          example: { name: 'Secure Lock Server', version: '0.2.0', links: LINKS },
        },
        302: { description: 'a browser is redirected to the console', contentType: 'text/html' },
      },
    },
    ({ request }) =>
      request.headers.get('accept')?.includes('text/html')
        ? new Response(null, { status: 302, headers: { location: LINKS.console } })
        : Response.json({ name: 'Secure Lock Server', version, links: LINKS }),
  )

const readConsole = (showPage: () => Response) =>
  endpoint(
    {
      method: 'GET',
      path: '/console',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'openConsole',
      summary: 'Open the console',
      description: 'A page that uses only this API; what it shows depends on who is logged in.',
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
    },
    showPage,
  )

const readJoin = (showPage: () => Response) =>
  endpoint(
    {
      method: 'GET',
      path: '/join',
      access: 'public',
      limits: ['pages'],
      tag: 'Pages',
      operationId: 'openJoinPage',
      summary: 'Open the page to register with a setup code, an invitation or neither',
      description:
        'Part of the console. The code is after `#` in the link, which a browser does not send to a server.',
      answers: { 200: { description: 'A page', contentType: 'text/html' } },
    },
    showPage,
  )

// The types say that an imported page is a bundle, but with `type: 'text'` it is a string. Right with
// TypeScript 7.1 (https://github.com/oven-sh/bun/pull/41076).
const PAGE = page as unknown as string

/** Created for each request and never cached by a browser, so that it shows the latest verification. */
const consolePage = ({ passwordRule, logFault, logStop }: Dependencies): string => {
  const [stop, fault] = [logStop(), logFault()]
  return PAGE.replace('PASSWORD_RULE', () => Bun.escapeHTML(passwordRule)).replace(
    '<!-- notice -->',
    () => (stop ? stopNotice(stop) : '') + (fault ? notice(fault) : ''),
  )
}

/** Anyone who reaches the port sees this too. */
const stopNotice = ({ says }: LogStop): string => `
    <section class="alarm" aria-labelledby="stopped">
      <h2 id="stopped">The unlock log is stopped</h2>
      <p>${Bun.escapeHTML(says)}.</p>
      <ol>
        <li>
          Stop the service, and keep everything: copy the whole data folder, and the database if it
          is on a server.
        </li>
        <li>Put the right database back, or restore the newest backup.</li>
        <li>
          Only if there is none, <code>secure-lock-server log accept-loss</code> records the loss
          in the log, and continues it.
        </li>
      </ol>
      <p>
        More in the manual: <a href="/manual/unlock-log#when-the-log-is-stopped">When the log is
        stopped</a>.
      </p>
    </section>`

/** Anyone who reaches the port sees this: where the log is broken, and nothing about a person. */
const notice = ({ fault, seq }: LogFault): string => `
    <section class="alarm" aria-labelledby="alarm">
      <h2 id="alarm">The unlock log does not verify</h2>
      <p>
        Verification found that it is not what was recorded. ${Bun.escapeHTML(fault)}.
        ${seq === undefined ? '' : firstWrong(seq)}
      </p>
      <ol>
        <li>
          Keep everything: copy the whole data folder, and the database if it is on a server, before
          you change anything there.
        </li>
        <li>On the gateway, <code>secure-lock-server log verify</code> says what is wrong.</li>
        <li>
          With <code>--checkpoint FILE</code>, it also compares the log with a checkpoint or a receipt
          that someone kept.
        </li>
      </ol>
      <p>More in the manual: <a href="/manual/unlock-log">Unlock log</a>.</p>
    </section>`

const firstWrong = (seq: number): string =>
  `First wrong unlock: <strong>${seq}</strong>. The table counts from 1, so there it is ${seq + 1}.`
