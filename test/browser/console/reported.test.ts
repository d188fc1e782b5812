import { describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useResource } from '../chromium.ts'
import { expectCalm, look, openAs } from './console.ts'
import { DAY_MS, openHousehold } from './household.ts'

const MINUTE_MS = 60_000
const ATTEMPT = '0193c6a8-0000-7000-8000-00000000000'

/** Notes that the gateway asked the lock for the first attempt, and that the lock said nothing. */
const noteSilence = (folder: string): void => {
  using db = new Database(join(folder, 'data', 'secure-lock.db'))
  db.run('PRAGMA busy_timeout = 60000')
  db.run(
    `INSERT INTO lock_operation (attempt_id, lock_id, state, asked_at_ms, deadline_ms, settled_at_ms)
     SELECT ?, id, 'unknown', 0, 0, 0 FROM lock WHERE label = 'front-door'`,
    [`${ATTEMPT}1`],
  )
}

/** Ada opened the door with the console, and both her phone and the lock say so; before that, she was let in and the
 * lock said nothing, and a stranger tried a code. */
const home = async () => {
  const { folder, record, report, close } = await openHousehold({
    oli: 'owner',
    ada: 'member',
  })
  const nowMs = Date.now()
  const permit = (atMs: number, attemptId: string) =>
    record(atMs, {
      username: 'ada',
      method: 'app',
      source: 'decided',
      result: 'permitted',
      occurredAtMs: null,
      attemptId,
      grantId: null,
    })
  await report(nowMs - DAY_MS, {
    username: '',
    result: 'denied',
    reason: 'invalid_credential',
  })
  await permit(nowMs - 60 * MINUTE_MS, `${ATTEMPT}1`)
  await permit(nowMs - 5 * MINUTE_MS, `${ATTEMPT}2`)
  await record(nowMs - 5 * MINUTE_MS + 1000, { username: 'ada', method: 'fingerprint' })
  await report(nowMs - 5 * MINUTE_MS + 2000, {
    username: 'ada',
    method: 'app',
    attemptId: `${ATTEMPT}2`,
    entry: '7',
  })
  await close()
  return { folder }
}

describe.skipIf(IS_LEFT_OUT)('what locks report', () => {
  const browser = useBrowser()
  const household = useResource(home, ({ folder }) => rmSync(folder, { recursive: true }))

  test('an opening that the gateway, the lock and the phone tell of is one row, as the lock has it', async () => {
    await using service = await startService({ folder: household().folder, env: UNLIMITED })
    noteSilence(service.folder)
    await using seen = await openAs(browser(), service, 'oli')
    const { page } = seen
    const headline = page.locator('.latest').first()
    await headline.getByText('ada unlocked the front door').waitFor()
    await headline.getByText('The lock says so, and so does the phone.').waitFor()
    const rows = page.getByRole('list', { name: 'Latest' }).getByRole('link')
    const texts = async () =>
      (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim())
    const [opened, permitted, refused, ...others] = await texts()
    expect(opened).toMatch(/^ada app front door the lock says so /)
    expect(permitted).toMatch(/^ada app front door let in the lock said nothing /)
    expect(refused).toMatch(
      /^Somebody wrong code, card or fingerprint front door turned away the lock says so /,
    )
    expect(others).toEqual([])
    // A permission does not count.
    await page.getByText('2 unlocks in 30 days, including those turned away.').waitFor()
    await look(page, 'today-reported')

    await page.goto(`${service.url}/console/log`)
    await page.getByText('the lock said nothing').waitFor()
    expect(await page.getByText('the lock says so').count()).toBe(2)
    expect(await page.getByText('the lock said nothing').count()).toBe(1)
    await page.getByText('the lock said nothing').click()
    await page.getByText('It asked the lock to open, and the lock said nothing.').waitFor()
    await page.goBack()
    await page.getByText('the lock says so').first().click()
    await page.getByText('Heard through zigbee2mqtt.').waitFor()
    await page.getByText(`${ATTEMPT}2`).waitFor()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('The receipt is valid').waitFor()
    await look(page, 'unlock-reported')

    await page.goto(`${service.url}/console/doors`)
    await page.getByText(/^ada unlocked the front door, .* \(the lock says so\)$/).waitFor()
    expectCalm(seen)
  })
})
