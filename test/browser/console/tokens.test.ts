import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import { ON_PHONE, addAccount, expectCalm, focusOn, look, openAs } from './console.ts'

describe.skipIf(IS_LEFT_OUT)('access tokens', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'mia', 'member')
  })

  const part = (page: Page) => page.getByRole('region', { name: 'Access tokens' })

  const open = async (token: string) => {
    const path = '/v1/locks/front-door/unlock'
    const body = { id: crypto.randomUUID() }
    return (await clientOf(service().url).post(path, body, bearer(token))).status
  }

  test('a token is shown once, does what was chosen and no more, and its use is told', async () => {
    await using seen = await openAs(browser(), service(), 'mia', '/console/myself', ON_PHONE)
    const { page } = seen
    await page.getByText('You have none.').waitFor()
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Kitchen tablet')
    const password = part(page).getByLabel('Your password', { exact: true })
    await password.fill(PASSWORD)
    await page.getByRole('button', { name: 'Create the token' }).click()
    await page.getByText('Choose what it may do.').waitFor()
    // A member may not read who has an account.
    expect(await page.getByText('Read who has an account').count()).toBe(0)
    await page.getByText('Open the front door').click()
    const warning = page.getByText('Anybody who finds it can use it until you revoke it.')
    expect(await warning.count()).toBe(0)
    await page.getByLabel('Ends').selectOption({ label: 'Never' })
    await warning.waitFor()
    await look(page, 'token-new')
    await page.getByRole('button', { name: 'Create the token' }).click()
    await focusOn(page, 'The token Kitchen tablet')
    const token = await page.locator('code.big').innerText()
    expect(token).toMatch(/^sls_[0-9A-Za-z]{49}$/)
    await page.getByRole('button', { name: 'Copy token' }).waitFor()
    await page.getByText('It may open the front door. You will not see it again.').waitFor()
    await page.getByText('Never used').waitFor()
    await look(page, 'token-once')
    await page.getByRole('button', { name: 'I have saved it' }).click()
    await focusOn(page, 'Access tokens')
    expect(await page.content()).not.toContain(token)

    expect(await open(token)).toBe(200)
    expect((await clientOf(service().url).get('/v1/unlocks', bearer(token))).status).toBe(403)
    await page.reload()
    const row = page.getByRole('list', { name: 'Access tokens' }).getByRole('listitem')
    await row.getByText(/^(Used within|Last used) .* from 127\.0\.0\.1$/).waitFor()
    await row.getByText('never ends').waitFor()
    await row.getByText('May open the front door.').waitFor()
    await look(page, 'tokens')

    await page.goto(`${service().url}/console/log`)
    await page.getByText('by Kitchen tablet').waitFor()
    await look(page, 'log-token')
    expectCalm(seen)

    // An owner sees and revokes it.
    await using owner = await openAs(browser(), service(), 'oli', '/console/security')
    const list = owner.page.getByRole('list', { name: 'Access tokens' })
    await list.getByText('of mia').waitFor()
    await look(owner.page, 'security-tokens')
    await list.getByRole('button', { name: 'Revoke: Kitchen tablet' }).click()
    await owner.page.getByText('Kitchen tablet is revoked.').waitFor()
    await owner.page.getByText('There are none.').waitFor()
    expect(await open(token)).toBe(401)
    expectCalm(owner)
  })

  test('one of your own is revoked', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/myself')
    const { page } = seen
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Prometheus')
    await page.getByText('Read the metrics').click()
    await part(page).getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Create the token' }).click()
    const token = await page.locator('code.big').innerText()
    const metrics = async () =>
      (await clientOf(service().url).get('/metrics', bearer(token))).status
    expect(await metrics()).toBe(200)
    await page.getByRole('button', { name: 'I have saved it' }).click()
    await page.getByRole('button', { name: 'Revoke: Prometheus' }).click()
    await page.getByText('Prometheus is revoked.').waitFor()
    await page.getByText('You have none.').waitFor()
    expect(await metrics()).toBe(401)
    expectCalm(seen)
  })
})
