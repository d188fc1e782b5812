import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/binary.ts'
import { until } from '../../support/until.ts'
import type { Walker } from './walk.ts'

const DRIVER = '/usr/bin/WebKitWebDriver'
const SCREEN = '/usr/bin/Xvfb'

const IS_REQUIRED = process.env['REQUIRE_BROWSER'] === '1'

/** Without WebKit (Debian's webkit2gtk-driver and xvfb) its tests are left out, unless
 * REQUIRE_BROWSER=1 makes them fail. */
export const IS_WEBKIT_LEFT_OUT = !IS_REQUIRED && !(existsSync(DRIVER) && existsSync(SCREEN))

if (IS_WEBKIT_LEFT_OUT)
  process.stdout.write(
    `No WebKit at ${DRIVER}: its tests are left out (REQUIRE_BROWSER=1 makes them fail)\n`,
  )

/** WebKit, driven by WebDriver's plain requests (W3C WebDriver). */
export type WebKit = Walker & {
  readonly version: string
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Starts WebKitGTK's small browser on a screen that nobody sees, with a new profile. */
export const startWebKit = async (): Promise<WebKit> => {
  await using stack = new AsyncDisposableStack()
  const home = mkdtempSync(join(tmpdir(), 'webkit-'))
  stack.defer(() => rmSync(home, { recursive: true, force: true }))
  const screen = Bun.spawn(
    [SCREEN, '-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'],
    { stdout: 'pipe', stderr: 'ignore' },
  )
  stack.defer(() => ended(screen))
  const port = await freePort()
  const driver = Bun.spawn([DRIVER, `--port=${port}`], {
    env: { HOME: home, DISPLAY: `:${await firstLine(screen.stdout)}`, LIBGL_ALWAYS_SOFTWARE: '1' },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  stack.defer(() => ended(driver))
  const address = `http://127.0.0.1:${port}`
  await until(() =>
    fetch(`${address}/status`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const ask = async <Value>(method: string, path: string, body?: object): Promise<Value> => {
    const init = body ? { method, body: JSON.stringify(body) } : { method }
    const answer = await fetch(`${address}/session${path}`, init)
    const { value } = (await answer.json()) as { value: Value }
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(value)}`)
    return value
  }
  const session = await ask<{ sessionId: string; capabilities: { browserVersion: string } }>(
    'POST',
    '',
    { capabilities: {} },
  )
  const own = `/${session.sessionId}`
  stack.defer(() => ask('DELETE', own))
  const running = stack.move()
  return {
    version: session.capabilities.browserVersion,
    go: (url) => ask('POST', `${own}/url`, { url }),
    evaluate: (expression) =>
      ask('POST', `${own}/execute/sync`, { script: `return (${expression})`, args: [] }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const ended = async (process: Bun.Subprocess): Promise<void> => {
  process.kill()
  await process.exited
}

const firstLine = async (output: ReadableStream<Uint8Array>): Promise<string> => {
  let text = ''
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('\n')) break
  }
  return text.trim()
}
