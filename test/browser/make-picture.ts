// Creates the picture of the console for the README, src/manual/console.png, from the compiled
// executable: bun run build && bun test/browser/make-picture.ts

import { rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UNLIMITED, startService } from '../support/binary.ts'
import { startChromium } from './chromium.ts'
import { openAs } from './console/console.ts'
import { DAY_MS, openHousehold } from './console/household.ts'

const PICTURE = resolve(import.meta.dir, '../../src/manual/console.png')
const BYTES_MAX = 250_000

const DAYS = 7
const HOUR_MS = 3_600_000

const METHODS = {
  anna: 'fingerprint',
  ben: 'PIN',
  clara: 'phone',
  david: 'card',
} as const

/** Who comes home when, in hours; a day further back repeats the pattern. */
const UNLOCKS = [
  ['anna', 7.4],
  ['clara', 13.1],
  ['david', 15.6],
  ['ben', 18.2],
] as const

/** What the doctor says about a gateway in good order. */
const FINDINGS = [
  {
    check: 'backup',
    state: 'ok',
    says: `The newest backup is from ${new Date(Date.now() - 5 * HOUR_MS).toISOString()}`,
  },
  { check: 'disk', state: 'ok', says: 'The disk has room: 21,000 MiB free' },
  { check: 'clock', state: 'ok', says: 'The gateway’s clock is synchronised with a time server' },
  { check: 'https', state: 'ok', says: 'HTTPS is on; the certificate is valid for 300 more days' },
]

const home = await openHousehold({ anna: 'owner', ben: 'admin', clara: 'member', david: 'member' })
const nowMs = Date.now()
const today = Math.floor(nowMs / DAY_MS) * DAY_MS
for (let day = today - DAYS * DAY_MS; day <= today; day += DAY_MS)
  for (const [index, [username, hour]] of UNLOCKS.entries()) {
    // Nobody comes home to the minute, and not everyone comes every day.
    const jitter = ((day / DAY_MS) * 7 + index * 5) % 11
    const atMs = day + hour * HOUR_MS + jitter * 300_000
    if (jitter > 8 || atMs > nowMs - HOUR_MS) continue
    await home.record(atMs, { username, method: METHODS[username] })
  }
await home.record(nowMs - 26 * 60_000, {
  username: 'david',
  method: 'card',
  result: 'denied',
  reason: 'restricted',
})
await home.record(nowMs - 6 * 60_000, { username: 'anna', method: 'fingerprint' })
await home.close()

const service = await startService({
  folder: home.folder,
  env: { ...UNLIMITED, REGISTRATION: 'invite', BACKUP_DIR: join(home.folder, 'backups') },
})
const browser = await startChromium()
try {
  await using seen = await openAs(browser, service, 'anna', '/console?days=7')
  const { page } = seen
  // How well this machine is kept is not the subject of the picture.
  await page.route('**/v1/doctor', (route) => route.fulfill({ json: { findings: FINDINGS } }))
  await page.setViewportSize({ width: 1280, height: 1000 })
  await page.reload()
  await page.getByText('All is well', { exact: true }).waitFor()
  await page.locator('.bars canvas').nth(1).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await page.screenshot({ path: PICTURE, fullPage: true, animations: 'disabled' })
} finally {
  await browser.close()
  await service.stop()
  rmSync(home.folder, { recursive: true })
}

const { size } = statSync(PICTURE)
if (size > BYTES_MAX) throw new Error(`${PICTURE} has ${size} bytes, and may have ${BYTES_MAX}`)
process.stdout.write(`${PICTURE}: ${size} bytes\n`)
