import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { testController } from '../../support/controller.ts'
import { until } from '../../support/until.ts'
import { IS_LEFT_OUT, useBrowser, useResource, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  expectFault,
  focusOn,
  look,
  openAs,
  tokenFor,
} from './console.ts'

import { DAY_MS, openHousehold } from './household.ts'

const nowS = () => Math.floor(Date.now() / 1000)

const DOOR = '/console/doors/front-door'

describe.skipIf(IS_LEFT_OUT)('a door with a controller', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'amy', 'admin')
    await addAccount(started, 'ada', 'member')
  })

  const part = (page: Page, name: string) => page.getByRole('region', { name })
  const how = (page: Page) => part(page, 'How the gateway opens it')
  const opening = (page: Page) => page.locator('.opening').getByRole('status')

  type Device = Awaited<ReturnType<typeof testController>>
  let device: Device | undefined
  const known = (): Device => {
    if (!device) throw new Error('it has not enrolled')
    return device
  }

  const stateOf = async (): Promise<string | undefined> => {
    const headers = bearer(await tokenFor(service(), 'amy'))
    const answer = await clientOf(service().url).get('/v1/controllers', headers)
    const { controllers } = (await answer.json()) as { controllers: readonly { state: string }[] }
    return controllers[0]?.state
  }

  /** Lets the device answer the next command with these results. */
  const answerWith = async (
    ...results: readonly ('opening' | 'released' | 'unlocked' | 'motor_blocked')[]
  ) => {
    for (;;) {
      const poll = await known().poll({ wait: 5 })
      const [command] = poll?.commands ?? []
      if (!poll || command === undefined) continue
      const attempt = await known().attemptOf(command, poll.nonce)
      for (const result of results)
        expect(
          (await known().send(await known().next(result, { attempt, issuedAtS: nowS() }))).status,
        ).toBe(200)
      return
    }
  }

  test('an owner adds it with their password, and a code that is shown once', async () => {
    await using seen = await openAs(browser(), service(), 'oli', DOOR)
    const { page } = seen
    await how(page).getByText('It does not.').waitFor()
    await how(page).getByRole('button', { name: 'Add a controller' }).click()
    const dialog = page.getByRole('dialog')
    const password = dialog.getByLabel('Your password', { exact: true })
    await password.fill('not my password')
    await dialog.getByRole('button', { name: 'Make a code' }).click()
    await expectFault(
      page,
      password,
      'This is not your password. After many failed logins, even the right one is refused for a while.',
    )
    await look(page, 'controller-new')
    await password.fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Make a code' }).click()
    await focusOn(page, 'Run this on the controller')
    const code = await how(page).locator('code.big').innerText()
    const command = await how(page).locator('pre').innerText()
    expect(command).toContain(code)
    expect(command).toContain(service().url)
    await how(page).getByRole('img', { name: 'QR code of the command' }).waitFor()
    await look(page, 'controller-code')

    device = await testController(service().url)
    expect(await device.enrol(code)).toBe(200)
    await how(page).getByRole('button', { name: 'Done' }).click()
    await how(page).getByText('Test device').waitFor()
    expect(await page.content()).not.toContain(code)
    // A code enrols one device.
    expect(await (await testController(service().url)).enrol(code)).toBe(404)
    expectCalm(seen, [403])
  })

  test('a member presses Open, and sees what the lock signed', async () => {
    await using seen = await openAs(browser(), service(), 'ada', '/console/doors', ON_PHONE)
    const { page } = seen
    const press = () => page.getByRole('button', { name: 'Open: Front door' }).click()
    await Promise.all([answerWith('opening', 'released'), press()])
    await opening(page).getByText('The lock released the door. Push.', { exact: true }).waitFor()
    await look(page, 'door-released')
    await Promise.all([answerWith('opening', 'unlocked'), press()])
    await opening(page).getByText('Opened.', { exact: true }).waitFor()
    await Promise.all([answerWith('opening', 'motor_blocked'), press()])
    await opening(page)
      .getByText('The lock did not open: the bolt was blocked. Try again, or use your key.')
      .waitFor()
    await look(page, 'door-blocked')
    await until(async () => (await stateOf()) === 'offline')
    await press()
    await opening(page).getByText('Let in, but the lock is offline. Use your key.').waitFor()
    await look(page, 'door-offline')
    expectCalm(seen)
  })

  test('an attempt is one row, with what the lock signed of it', async () => {
    expect(
      (await known().send(await known().next('opened_unasked', { issuedAtS: nowS() }))).status,
    ).toBe(200)
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    const rows = page.getByRole('listitem').locator('.row.unlock')
    await rows.first().waitFor()
    const texts = (await rows.allInnerTexts()).map((text) =>
      text.replaceAll(/\s+/g, ' ').replace(/ \d\d:\d\d$/, ''),
    )
    expect(texts).toEqual([
      'Somebody without asking the gateway front door unasked the lock signed that it opened',
      'ada app front door let in the lock was offline',
      'ada the bolt was blocked front door did not open the lock signed it',
      'ada app front door the lock signed that it opened',
      'ada app front door the lock signed that it released the door',
    ])
    await look(page, 'log-signed')

    await rows.filter({ hasText: 'released' }).first().click()
    await page
      .getByRole('heading', { level: 1, name: 'The lock released the front door for ada' })
      .waitFor()
    await page
      .getByText(
        'The controller of the lock signed it: no phone can fake it. It has no sensor, so the door may have stayed shut.',
      )
      .waitFor()
    await page.getByText('The controller Test device.').waitFor()
    await page.getByRole('button', { name: 'Show it' }).click()
    // An array of four, whose first is the protected header (RFC 9052).
    expect(await page.locator('.statement').innerText()).toMatch(/^8443a10126a0/)
    await page.getByRole('button', { name: 'Copy statement' }).waitFor()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('The receipt is valid').waitFor()
    await look(page, 'unlock-signed')
    expectCalm(seen)
  })

  test('missing reports are named, and a copied device is red, with what to do', async () => {
    await known().next('started')
    await known().send(await known().next('started'))
    await until(async () => (await stateOf()) === 'offline')
    {
      await using seen = await openAs(browser(), service(), 'amy', DOOR)
      const { page } = seen
      await how(page)
        .getByText(/^Report \d+ never arrived\.$/)
        .waitFor()
      await how(page)
        .getByText(/^Offline, last seen/)
        .waitFor()
      // An admin sees it, and an owner changes it.
      expect(await how(page).getByRole('button').count()).toBe(0)
      await look(page, 'controller-gap')
      expectCalm(seen)
    }
    const before = known().chain()
    await known().send(await known().next('started'))
    known().rewind(before)
    await known().send(await known().next('opened_unasked'))
    await using seen = await openAs(browser(), service(), 'oli', DOOR)
    const { page } = seen
    await how(page).getByText('No longer trusted').waitFor()
    await how(page)
      .getByText(/^Two different reports of it have the same number/)
      .waitFor()
    await look(page, 'controller-forked')

    await how(page).getByRole('button', { name: 'Remove: Test device' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Remove' }).click()
    await page.getByText('Test device was removed.').waitFor()
    await how(page).getByText('It does not.').waitFor()
    await focusOn(page, 'How the gateway opens it')
    expectCalm(seen)
  })
})

describe.skipIf(IS_LEFT_OUT)('a log with a controller of last year', () => {
  const browser = useBrowser()
  const service = useResource(
    async () => {
      const home = await openHousehold({ oli: 'owner', ada: 'member' })
      const nowMs = Date.now()
      await home.record(nowMs - 2 * DAY_MS, { username: 'ada', method: 'card' })
      await home.record(nowMs - DAY_MS / 2, { username: 'ada', method: 'pin' })
      await home.report(nowMs - DAY_MS / 2 + 1000, { username: 'ada', method: 'app' })
      await home.record(nowMs - DAY_MS / 4, { username: 'ada', method: 'finger' })
      await home.close()
      const { folder } = home
      // The first start adds the door.
      await (await startService({ env: UNLIMITED, folder })).stop()
      enrolController(folder, nowMs - DAY_MS)
      return startService({ env: UNLIMITED, folder })
    },
    (started) => started.stop(),
  )

  test('what only a phone says is unconfirmed, at a lock that says so itself', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    const row = (method: string) => page.locator('.row.unlock').filter({ hasText: method })
    await row('finger').getByText('unconfirmed', { exact: true }).waitFor()
    // Before it had a controller, nobody could confirm it; and what the lock says too is one row.
    expect(await row('card').getByText('unconfirmed').count()).toBe(0)
    expect(await page.getByText('unconfirmed').count()).toBe(1)
    await look(page, 'log-unconfirmed')
    await row('finger').click()
    await page.getByText('This lock reports its openings, and reported none then.').waitFor()
    await look(page, 'unlock-unconfirmed')
    await page.goto(`${service().url}/console`)
    await page.getByText('Unconfirmed: the phone says so, and the lock said nothing.').waitFor()
    expectCalm(seen)
  })
})

/** Stores a controller of the front door as enrolled at this time. It never answers. */
const enrolController = (folder: string, atMs: number): void => {
  using db = new Database(join(folder, 'data/secure-lock.db'))
  db.run(
    `INSERT INTO controller (id, lock_id, public_key, name, enrolled_at_ms, seen_at_ms)
     SELECT ?1, id, randomblob(65), 'pi', ?2, ?2 FROM lock WHERE label = 'front-door'`,
    [crypto.randomUUID(), atMs],
  )
}
