import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'

const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

const IS_REQUIRED = process.env['REQUIRE_BROWSER'] === '1'

/** Without Chromium the tests of pages are left out, unless REQUIRE_BROWSER=1 makes them fail. */
export const IS_LEFT_OUT = !IS_REQUIRED && !existsSync(PATH)

if (IS_LEFT_OUT)
  process.stdout.write(
    `No Chromium at ${PATH}: the tests of pages are left out (REQUIRE_BROWSER=1 makes them fail)\n`,
  )

/** Starts Chromium where no name but this machine's address leads anywhere. */
export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: PATH,
    args: [
      '--no-sandbox', // root in a container has no user namespace
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })

export type Visit = {
  readonly page: Page
  /** Console errors and warnings, script errors, CSP violations, dialogs, requests that failed. */
  readonly faults: readonly string[]
  /** Every request to another host; each was stopped. */
  readonly foreign: readonly string[]
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Opens an empty page of a new profile that can reach `origin` alone and records what it did. */
export const visit = async (
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const faults: string[] = []
  const foreign: string[] = []
  const context = await browser.newContext({ baseURL: origin, ...options })
  context.setDefaultTimeout(ACTION_MS_MAX)
  await context.route(
    (url) => isForeign(url, origin),
    (route) => {
      foreign.push(route.request().url())
      return route.abort()
    },
  )
  await context.exposeBinding(VIOLATION, (_, what: string) => faults.push(`violates ${what}`))
  await context.addInitScript({ content: REPORT_VIOLATIONS })
  const page = await context.newPage()
  page.on('websocket', (socket) => foreign.push(socket.url()))
  page.on('requestfailed', (request) => {
    // What the page itself gave up, since its reader went on, is no fault.
    if (request.failure()?.errorText !== GIVEN_UP) faults.push(`failed ${request.url()}`)
  })
  page.on('pageerror', (error) => faults.push(`script ${error.message}`))
  page.on('console', (message) => {
    if (FAULTS.has(message.type())) faults.push(`${message.type()} ${message.text()}`)
  })
  page.on('dialog', async (dialog) => {
    faults.push(`dialog ${dialog.message()}`)
    await dialog.dismiss()
  })
  return { page, faults, foreign, [Symbol.asyncDispose]: () => context.close() }
}

const GIVEN_UP = 'net::ERR_ABORTED'

const ACTION_MS_MAX = 60_000

const FAULTS: ReadonlySet<string> = new Set(['error', 'warning', 'assert'])

const isForeign = (url: URL, origin: string): boolean =>
  url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:'

const VIOLATION = 'reportViolation'

const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  ${VIOLATION}([event.violatedDirective, event.blockedURI, event.sample].join(' ')))`
