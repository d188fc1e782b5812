import { describe, expect, test } from 'bun:test'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { enrol, nextCode } from '../../support/second-factor.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  fillIn,
  focusOn,
  logIn,
  look,
  openAs,
  openConsole,
  sections,
  tokenFor,
} from './console.ts'
import { until } from '../../support/until.ts'

const browser = useBrowser()

describe.skipIf(IS_LEFT_OUT)('an address', () => {
  test('that is cut in the middle of a character is not found, and the console goes on', async () => {
    await using service = await startService({ env: UNLIMITED })
    await addAccount(service, 'oli')
    await using seen = await openConsole(browser(), service)
    await logIn(seen.page, 'oli')
    const answer = await seen.page.goto('/console/log/%E0%A4%A')
    expect(answer?.status()).toBe(404)
    await seen.page.goto('/console')
    await seen.page.getByRole('heading', { name: 'Today' }).waitFor()
    await service.stop()
  })
})

describe.skipIf(IS_LEFT_OUT)('the first run', () => {
  test('creates the owner, lets them choose who may register, shows the address for phones and tries an opening [A5, I6, I7]', async () => {
    await using service = await startService({ env: UNLIMITED })
    await using seen = await openConsole(browser(), service, '/', ON_PHONE)
    const { page } = seen
    await page.getByRole('heading', { name: 'Create the owner' }).waitFor()
    await look(page, 'first-run-owner')
    await until(() => service.output().words.includes('setup='))
    const [, code = ''] = /setup=(\S+)/.exec(service.output().words) ?? []
    await page.getByLabel('Setup code').fill('wrong')
    await page.getByLabel('User name').fill('oli')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Create the owner' }).click()
    await page.getByText('This setup code is wrong.').waitFor()
    expect(await page.getByLabel('Setup code').getAttribute('aria-invalid')).toBe('true')
    await page.getByLabel('Setup code').fill(code)
    await page.getByRole('button', { name: 'Create the owner' }).click()

    await page.getByLabel('People with an invitation').waitFor()
    await focusOn(page, '2')
    await look(page, 'first-run-registration')
    await page.getByRole('button', { name: 'Continue' }).click()

    await page.getByRole('img', { name: `QR code of ${service.url}` }).waitFor()
    await look(page, 'first-run-phone')
    const stranger = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
    expect((await clientOf(service.url).post('/register', stranger)).status).toBe(403)
    await page.getByRole('button', { name: 'Continue' }).click()

    // Left here, it goes on here.
    await page.getByRole('button', { name: 'Record a test opening' }).waitFor()
    await page.goto('/')
    await page.getByRole('button', { name: 'Record a test opening' }).waitFor()
    await look(page, 'first-run-opening')
    await page.getByRole('button', { name: 'Record a test opening' }).click()
    await page.getByRole('link', { name: 'your opening' }).waitFor()
    await look(page, 'first-run-done')
    const token = await tokenFor(service, 'oli')
    const answer = await clientOf(service.url).get('/v1/unlocks', bearer(token))
    expect(await answer.json()).toMatchObject({ unlocks: [{ username: 'oli', method: 'test' }] })
    await page.getByRole('button', { name: 'Open the console' }).click()
    await page.getByRole('heading', { name: 'Today' }).waitFor()
    await page.getByText('recorded a test opening').first().waitFor()
    await page.goto('/')
    await page.getByRole('heading', { name: 'Today' }).waitFor()

    const cookies = await page.context().cookies()
    expect(cookies.map(({ name }) => name).toSorted()).toEqual(['lock-access', 'lock-refresh'])
    for (const { httpOnly, sameSite } of cookies)
      expect({ httpOnly, sameSite }).toEqual({ httpOnly: true, sameSite: 'Strict' })
    expectCalm(seen, [403])
  })

  test('shows who may register if the environment fixes it', async () => {
    await using service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'closed' } })
    await addAccount(service, 'oli')
    await using seen = await openAs(browser(), service, 'oli')
    const { page } = seen
    await page.goto('/console/first-run')
    await page.getByText('REGISTRATION=closed').waitFor()
    expect(await page.getByLabel('Nobody').isChecked()).toBe(true)
    expect(await page.getByLabel('Nobody').isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('img', { name: `QR code of ${service.url}` }).waitFor()
    expectCalm(seen)
  })
})

describe.skipIf(IS_LEFT_OUT)('logging in', () => {
  const service = useService({ env: UNLIMITED }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'mia', 'member')
  })

  test('a wrong password gets a message that also mentions lockouts', async () => {
    await using seen = await openConsole(browser(), service(), '/console', ON_PHONE)
    const { page } = seen
    await fillIn(page, 'oli', 'wrong horse battery')
    await page.getByText('Wrong name or password.').waitFor()
    await look(page, 'log-in-wrong')
    expectCalm(seen, [401])
  })

  test('leads to the requested page, shows every section of the role, and ends with a message', async () => {
    await using seen = await openConsole(browser(), service(), '/console/people')
    const { page } = seen
    await look(page, 'log-in')
    await logIn(page, 'oli')
    await page.getByRole('heading', { name: 'People' }).waitFor()
    const links = sections(page)
    expect(await links.allInnerTexts()).toEqual([
      'Today',
      'Doors',
      'Log',
      'People',
      'Guests',
      'Invitations',
      'Connections',
      'Security',
      'Myself',
    ])
    for (const name of await links.allInnerTexts()) {
      await links.filter({ hasText: name }).click()
      await page.getByRole('heading', { level: 1, name }).waitFor()
      await look(page, `empty-${name.toLowerCase()}`)
    }
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Myself' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()
    const cookies = await page.context().cookies()
    expect(cookies.map(({ name }) => name)).toEqual(['lock-device'])
    expectCalm(seen)
  })

  test('a member sees their own unlocks and account only, whatever address they type', async () => {
    const token = await tokenFor(service(), 'mia')
    const client = clientOf(service().url)
    await client.post('/logUnlocking', { 'unlocking-method': 'fingerprint' }, bearer(token))
    await using seen = await openAs(browser(), service(), 'mia')
    const { page } = seen
    await page.getByRole('heading', { name: 'Doors' }).waitFor()
    await page.getByRole('link', { name: 'My unlocks' }).click()
    await page.locator('.unlock').getByText('fingerprint').waitFor()
    await look(page, 'member')
    const links = sections(page)
    expect(await links.allInnerTexts()).toEqual(['Doors', 'My unlocks', 'Myself'])
    for (const path of [
      'people',
      'access',
      'holidays',
      'guests',
      'invitations',
      'security',
      'nowhere',
    ]) {
      await page.goto(`/console/${path}`)
      await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    }
    expectCalm(seen)
  })

  test('asks for the code of a second factor, and only after the right password', async () => {
    await addAccount(service(), 'two', 'admin')
    const { secret } = await enrol(clientOf(service().url), await tokenFor(service(), 'two'))
    await using seen = await openConsole(browser(), service(), '/console', ON_PHONE)
    const { page } = seen
    await fillIn(page, 'two', PASSWORD)
    const code = page.getByLabel('One-time code')
    await code.fill('000000')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This code is wrong').waitFor()
    await look(page, 'log-in-code')
    await code.fill(nextCode(secret, Date.now()))
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Today' }).waitFor()
    expectCalm(seen, [401, 401])
  })

  test('a session that was ended elsewhere is noticed at the next click, and the page says so', async () => {
    await using seen = await openAs(browser(), service(), 'oli')
    const { page } = seen
    // Asks for nothing by itself, unlike Today.
    await page.getByRole('link', { name: 'Myself' }).click()
    await page.getByRole('heading', { name: 'Myself' }).waitFor()
    const token = await tokenFor(service(), 'oli')
    await clientOf(service().url).delete('/v1/sessions', {}, bearer(token))
    await page.getByRole('link', { name: 'Log' }).click()
    await page.getByText('Your session has ended.').waitFor()
    await logIn(page, 'oli')
    await page.getByRole('heading', { name: 'Log' }).waitFor()
    // The ended token, for each request of the page, and the refused renewal.
    expect(seen.faults.length).toBeGreaterThanOrEqual(2)
    expectCalm(
      seen,
      seen.faults.map(() => 401),
    )
  })

  test('the tables open with the session of the console', async () => {
    await using seen = await openAs(browser(), service(), 'oli')
    const { page } = seen
    for (const path of ['/getLogs', '/getUsers']) {
      await page.goto(path)
      await page.getByRole('table').waitFor()
    }
    expectCalm(seen)
  })
})

describe.skipIf(IS_LEFT_OUT)('staying logged in', () => {
  test('two tabs renew the session at the same time, and both stay logged in [T4]', async () => {
    // The shortest possible; the page renews it before it expires.
    await using service = await startService({
      env: { ...UNLIMITED, JWT_ACCESS_TOKEN_EXPIRES: '1' },
    })
    await addAccount(service, 'oli')
    await using seen = await openAs(browser(), service, 'oli')
    const { page } = seen
    const other = await page.context().newPage()
    await other.goto('/console/log')
    await other.getByRole('heading', { name: 'Log' }).waitFor()
    const renewals: number[] = []
    for (const one of [page, other]) {
      await one.clock.install({ time: Date.now() + 50_000 })
      one.on('response', (answer) => {
        if (answer.url().endsWith('/refresh')) renewals.push(answer.status())
      })
    }
    await Promise.all([
      page.getByRole('link', { name: 'Log' }).click(),
      other.getByRole('link', { name: 'Myself' }).click(),
    ])
    await page.getByText('No unlocks yet.').waitFor()
    await other.getByRole('link', { name: 'Log' }).click()
    await other.getByText('No unlocks yet.').waitFor()
    expect(renewals.length).toBeGreaterThan(0)
    expect(new Set(renewals)).toEqual(new Set([200]))
    expectCalm(seen)
  })

  test('a page that lost the gateway says so, and recovers by itself', async () => {
    const folder = temporaryFolder()
    const first = await startService({ env: UNLIMITED, folder })
    const { port } = new URL(first.url)
    await addAccount(first, 'oli')
    await using seen = await openAs(browser(), first, 'oli')
    const { page } = seen
    await first.stop()
    await page.getByRole('link', { name: 'Log' }).click()
    await page.getByText('Lost the connection to the gateway.').waitFor()
    await look(page, 'lost')
    await using second = await startService({ env: { ...UNLIMITED, PORT: port }, folder })
    await page.getByText('No unlocks yet.').waitFor()
    expect(await page.getByText('Lost the connection').count()).toBe(0)
    await until(() => second.output().log.includes('/v1/unlocks'))
    expect(seen.foreign).toEqual([])
  })
})
