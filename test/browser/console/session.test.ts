import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { enrol, nextCode } from '../../support/second-factor.ts'
import { IS_LEFT_OUT, startChromium } from '../chromium.ts'
import {
  PHONE,
  TEST_MS_MAX,
  addAccount,
  expectCalm,
  fillIn,
  look,
  openConsole,
  signIn,
  tokenFor,
} from './console.ts'

let browser: Browser

beforeAll(async () => {
  if (!IS_LEFT_OUT) browser = await startChromium()
}, TEST_MS_MAX)

afterAll(async () => {
  await browser?.close()
}, TEST_MS_MAX)

describe.skipIf(IS_LEFT_OUT)('an address', () => {
  test(
    'that is cut in the middle of a sign leads to the first page',
    async () => {
      await using service = await startService({ env: UNLIMITED })
      await addAccount(service, 'oli')
      await using seen = await openConsole(browser, service)
      await signIn(seen.page, 'oli')
      await seen.page.goto('/console/log/%E0%A4%A')
      await seen.page.getByRole('heading', { name: 'Today' }).waitFor()
      expectCalm(seen)
      await service.stop()
    },
    TEST_MS_MAX,
  )
})

describe.skipIf(IS_LEFT_OUT)('the first run', () => {
  test(
    'makes the owner, lets them choose who may register, and shows the address for the phones [A5, I6, I7]',
    async () => {
      await using service = await startService({ env: UNLIMITED })
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await page.getByRole('heading', { name: 'Make the owner' }).waitFor()
      await look(page, 'first-run-owner')
      const [, code = ''] = /setup=(\S+)/.exec(service.output().words) ?? []
      await page.getByLabel('Setup code').fill(code)
      await page.getByLabel('User name').fill('oli')
      await page.getByLabel('Password', { exact: true }).fill('short')
      await page.getByRole('button', { name: 'Become the owner' }).click()
      await page.getByText('Weak password.').waitFor()
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByRole('button', { name: 'Become the owner' }).click()

      await page.getByRole('heading', { name: 'Who may register?' }).waitFor()
      await look(page, 'first-run-registration')
      await page.getByLabel('People I invite').check()
      await page.getByRole('button', { name: 'Go on' }).click()

      await page.getByRole('img', { name: `QR code of ${service.url}` }).waitFor()
      await look(page, 'first-run-done')
      const stranger = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
      expect((await clientOf(service.url).post('/register', stranger)).status).toBe(403)
      await page.getByRole('button', { name: 'Open the console' }).click()
      await page.getByRole('heading', { name: 'Today' }).waitFor()

      const cookies = await page.context().cookies()
      expect(cookies.map(({ name }) => name).toSorted()).toEqual(['lock-access', 'lock-refresh'])
      for (const { httpOnly, sameSite } of cookies)
        expect({ httpOnly, sameSite }).toEqual({ httpOnly: true, sameSite: 'Strict' })
      expectCalm(seen, [400])
    },
    TEST_MS_MAX,
  )

  test(
    'says so where the environment decides who may register',
    async () => {
      await using service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'closed' } })
      await addAccount(service, 'oli')
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'oli')
      await page.goto('/console/first-run')
      await page.getByText('REGISTRATION=closed').waitFor()
      expect(await page.getByLabel('Nobody').isChecked()).toBe(true)
      expect(await page.getByLabel('Nobody').isDisabled()).toBe(true)
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.getByRole('heading', { name: 'The door is yours' }).waitFor()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )
})

describe.skipIf(IS_LEFT_OUT)('signing in', () => {
  let service: Service

  beforeAll(async () => {
    service = await startService({ env: UNLIMITED })
    await addAccount(service, 'oli')
    await addAccount(service, 'mia', 'member')
  }, TEST_MS_MAX)

  afterAll(async () => {
    await service?.stop()
  }, TEST_MS_MAX)

  test(
    'a wrong password is told in words that name the wait, too',
    async () => {
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await fillIn(page, 'oli', 'wrong horse battery')
      await page.getByText('Name or password is not right.').waitFor()
      await look(page, 'sign-in-wrong')
      expectCalm(seen, [401])
    },
    TEST_MS_MAX,
  )

  test(
    'leads to the page that was asked for, shows every place of the role, and ends visibly',
    async () => {
      await using seen = await openConsole(browser, service, '/console/people')
      const { page } = seen
      await look(page, 'sign-in')
      await signIn(page, 'oli')
      await page.getByRole('heading', { name: 'People' }).waitFor()
      const places = page.getByRole('navigation', { name: 'Console' }).getByRole('link')
      expect(await places.allInnerTexts()).toEqual([
        'Today',
        'Log',
        'People',
        'Invitations',
        'Security',
        'Myself',
      ])
      for (const name of await places.allInnerTexts()) {
        await places.filter({ hasText: name }).click()
        await page.getByRole('heading', { level: 1, name }).waitFor()
        await look(page, name.toLowerCase())
      }
      await page.reload()
      await page.getByRole('heading', { level: 1, name: 'Myself' }).waitFor()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('You are signed out.').waitFor()
      const left = await page.context().cookies()
      expect(left.map(({ name }) => name)).toEqual(['lock-device'])
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a member sees their own openings and themselves, whatever address they type',
    async () => {
      const token = await tokenFor(service, 'mia')
      const client = clientOf(service.url)
      await client.post('/logUnlocking', { 'unlocking-method': 'fingerprint' }, bearer(token))
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'mia')
      await page.getByText('fingerprint').waitFor()
      await look(page, 'member')
      const places = page.getByRole('navigation', { name: 'Console' }).getByRole('link')
      expect(await places.allInnerTexts()).toEqual(['My openings', 'Myself'])
      for (const path of ['people', 'invitations', 'security', 'nowhere']) {
        await page.goto(`/console/${path}`)
        await page.getByRole('heading', { name: 'No such page' }).waitFor()
      }
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'asks for the code of a second factor, and only after the right password',
    async () => {
      await addAccount(service, 'two', 'admin')
      const { secret } = await enrol(clientOf(service.url), await tokenFor(service, 'two'))
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await fillIn(page, 'two', PASSWORD)
      const code = page.getByLabel('One-time code')
      await code.fill('000000')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('This code is not right').waitFor()
      await look(page, 'sign-in-code')
      await code.fill(nextCode(secret, Date.now()))
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { name: 'Today' }).waitFor()
      expectCalm(seen, [401, 401])
    },
    TEST_MS_MAX,
  )

  test(
    'a session that an admin ended is over at the next step, and the page says so',
    async () => {
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'oli')
      const token = await tokenFor(service, 'oli')
      await clientOf(service.url).delete('/v1/sessions', {}, bearer(token))
      await page.getByRole('link', { name: 'Log' }).click()
      await page.getByText('Your session has ended.').waitFor()
      await signIn(page, 'oli')
      await page.getByRole('heading', { name: 'Log' }).waitFor()
      // The token that is over, for whatever the page asked at once, and the renewal that is refused.
      expect(seen.faults.length).toBeGreaterThanOrEqual(2)
      expectCalm(
        seen,
        seen.faults.map(() => 401),
      )
    },
    TEST_MS_MAX,
  )

  test(
    'the tables open with the session of the console, and without it they do not',
    async () => {
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'oli')
      for (const path of ['/getLogs', '/getUsers']) {
        await page.goto(path)
        await page.getByRole('table').waitFor()
      }
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )
})

describe.skipIf(IS_LEFT_OUT)('going on', () => {
  test(
    'two tabs renew the session at once, silently, and both go on [T4]',
    async () => {
      // The shortest there is; the page renews before it is over.
      await using service = await startService({
        env: { ...UNLIMITED, JWT_ACCESS_TOKEN_EXPIRES: '1' },
      })
      await addAccount(service, 'oli')
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'oli')
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
      await page.getByText('Nobody has opened the door yet.').waitFor()
      await other.getByRole('link', { name: 'Log' }).click()
      await other.getByText('Nobody has opened the door yet.').waitFor()
      expect(renewals.length).toBeGreaterThan(0)
      expect(new Set(renewals)).toEqual(new Set([200]))
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a gateway that goes away is told, and the page recovers by itself when it is back',
    async () => {
      const folder = temporaryFolder()
      const first = await startService({ env: UNLIMITED, folder })
      const { port } = new URL(first.url)
      await addAccount(first, 'oli')
      await using seen = await openConsole(browser, first)
      const { page } = seen
      await signIn(page, 'oli')
      await first.stop()
      await page.getByRole('link', { name: 'Log' }).click()
      await page.getByText('Lost the connection to the gateway.').waitFor()
      await look(page, 'lost')
      await using second = await startService({ env: { ...UNLIMITED, PORT: port }, folder })
      await page.getByText('Nobody has opened the door yet.').waitFor({ timeout: 30_000 })
      expect(await page.getByText('Lost the connection').count()).toBe(0)
      expect(second.output().log).toContain('/v1/unlocks')
      expect(seen.foreign).toEqual([])
    },
    TEST_MS_MAX,
  )
})
