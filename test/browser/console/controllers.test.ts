import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { testController } from '../../support/controller.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import { addAccount, expectCalm, expectFault, focusOn, look, openAs, tokenFor } from './console.ts'

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
  const api = () => clientOf(service().url)
  const as = async (username: string) => bearer(await tokenFor(service(), username))

  type Device = Awaited<ReturnType<typeof testController>>
  let device: Device | undefined
  const known = (): Device => {
    if (!device) throw new Error('it has not enrolled')
    return device
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

  test('what only a phone says is unconfirmed after two minutes', async () => {
    const body = { 'unlocking-method': 'pin' }
    expect((await api().post('/logUnlocking', body, await as('ada'))).status).toBe(200)
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    const row = page.locator('.row.unlock').filter({ hasText: 'pin' })
    await row.waitFor()
    expect(await row.getByText('unconfirmed').count()).toBe(0)
    await page.clock.setFixedTime(Date.now() + 3 * 60_000)
    await page.reload()
    await row.getByText('unconfirmed', { exact: true }).waitFor()
    await row.click()
    await page.getByText('This lock signs its openings, and signed none at that time.').waitFor()
    await look(page, 'unlock-unconfirmed')
    expectCalm(seen)
  })

  test('missing reports are named, and a copied device is red, with what to do', async () => {
    await known().next('started')
    await known().send(await known().next('started'))
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
    await how(page).getByText('Not trusted any more').waitFor()
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
