import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'
import { type Service, startService } from '../support/binary.ts'
import { until } from '../support/until.ts'

const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** The same engine without windows, which takes a third less time of the processor. */
const HEADLESS_SHELL = process.env['HEADLESS_SHELL'] ?? '/usr/bin/chromium-headless-shell'

const IS_REQUIRED = process.env['REQUIRE_BROWSER'] === '1'

/** Without Chromium the browser tests are left out, unless REQUIRE_BROWSER=1 makes them fail. */
export const IS_LEFT_OUT = !IS_REQUIRED && !existsSync(PATH)

if (IS_LEFT_OUT)
  process.stdout.write(
    `No Chromium at ${PATH}: browser tests are left out (REQUIRE_BROWSER=1 makes them fail)\n`,
  )

// A browser on a small, busy computer takes its time. Tests wait for conditions, never for time.
setDefaultTimeout(240_000)

/** How long Chromium may take for one step, such as a click. */
export const STEP_MS_MAX = 60_000

/** A Chromium that can reach no address but this machine's, with all its settings. */
export const CHROMIUM = {
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
}

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    ...CHROMIUM,
    executablePath: existsSync(HEADLESS_SHELL) ? HEADLESS_SHELL : PATH,
  })

/** Starts something before the tests of a file or group, and ends it after them. */
export const useResource = <Resource>(
  start: () => Promise<Resource>,
  end: (resource: Resource) => unknown,
): (() => Resource) => {
  let resource: Resource | undefined
  beforeAll(async () => {
    if (!IS_LEFT_OUT) resource = await start()
  })
  afterAll(async () => {
    if (resource !== undefined) await end(resource)
  })
  return () => {
    if (resource === undefined) throw new Error('it is not started')
    return resource
  }
}

/** One Chromium for all test files that a process runs; it ends with the process. Each visit has a profile of its own. */
export const useBrowser = (): (() => Browser) =>
  useResource(
    () => (shared ??= startChromium()),
    () => {},
  )

let shared: Promise<Browser> | undefined

/** Starts the executable, and then `prepare`s it. */
export const useService = (
  options: Parameters<typeof startService>[0] = {},
  prepare: (service: Service) => Promise<unknown> = async () => {},
): (() => Service) =>
  useResource(
    async () => {
      const service = await startService(options)
      await prepare(service)
      return service
    },
    (service) => service.stop(),
  )

export type Visit = {
  readonly page: Page
  /** Console errors and warnings, script errors, CSP violations, dialogs, failed requests. */
  readonly faults: readonly string[]
  /** Requests to other hosts, whose names resolve to nothing. */
  readonly foreign: readonly string[]
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Opens an empty page in a new profile, and records what it does. Requests are only heard, not routed through
 * this process, which would cost as much again as loading a page. */
export const visit = async (
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const faults: string[] = []
  const foreign: string[] = []
  const context = await browser.newContext({ baseURL: origin, ...options })
  context.setDefaultTimeout(STEP_MS_MAX)
  context.on('request', (request) => {
    if (isForeign(new URL(request.url()), origin)) foreign.push(request.url())
  })
  await context.exposeBinding(VIOLATION, (_, what: string) => faults.push(`violates ${what}`))
  await context.addInitScript({ content: REPORT_VIOLATIONS })
  const page = await context.newPage()
  page.on('websocket', (socket) => foreign.push(socket.url()))
  page.on('requestfailed', (request) => {
    // A request that the page itself aborts, when its reader leaves, is not a fault.
    if (request.failure()?.errorText !== ABORTED) faults.push(`failed ${request.url()}`)
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

/** Waits until an expression is true in the page. Playwright's `waitForFunction` asks again by `eval`, which the
 * pages forbid, so that it fails unless the expression is true at once. */
export const waitForTrue = (page: Page, expression: string): Promise<void> =>
  until(() => page.evaluate<boolean>(expression))

const ABORTED = 'net::ERR_ABORTED'

const FAULTS: ReadonlySet<string> = new Set(['error', 'warning', 'assert'])

const isForeign = (url: URL, origin: string): boolean =>
  url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:'

const VIOLATION = 'reportViolation'

const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  ${VIOLATION}([event.violatedDirective, event.blockedURI, event.sample].join(' ')))`
