import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { IS_LEFT_OUT, startChromium } from '../chromium.ts'
import {
  PHONE,
  TEST_MS_MAX,
  addAccount,
  expectCalm,
  look,
  openConsole,
  signIn,
  tokenFor,
} from './console.ts'

const GUESSER = '203.0.113.66'

describe.skipIf(IS_LEFT_OUT)('security', () => {
  let browser: Browser
  let service: Service

  beforeAll(async () => {
    browser = await startChromium()
    service = await startService({
      env: {
        ...UNLIMITED,
        TRUSTED_PROXIES: '127.0.0.1',
        BACKUP_DIR: temporaryFolder(),
      },
    })
    await addAccount(service, 'oli')
    await addAccount(service, 'ada', 'member')
  }, TEST_MS_MAX)

  afterAll(async () => {
    await browser?.close()
    await service?.stop()
  }, TEST_MS_MAX)

  const logIn = (password: string) =>
    clientOf(service.url).post(
      '/login',
      { username: 'ada', password },
      { 'x-forwarded-for': GUESSER },
    )

  test(
    'ten wrong passwords make a client wait, and the page lifts that [P4]',
    async () => {
      for (let failure = 0; failure < 10; failure += 1)
        expect((await logIn('wrong horse battery')).status).toBe(401)
      expect((await logIn(PASSWORD)).status).toBe(401)
      await using seen = await openConsole(browser, service, '/console/security', {
        viewport: PHONE,
      })
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByRole('list', { name: 'Waits' }).getByText(`${GUESSER} at ada`).waitFor()
      await page.getByRole('list', { name: 'Failed logins' }).getByText('times').first().waitFor()
      await look(page, 'security')
      await page.getByRole('button', { name: 'Lift' }).click()
      await page.getByText('Nobody has to wait.').waitFor()
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Who has to wait')
      expect((await logIn(PASSWORD)).status).toBe(200)

      await page.getByRole('link', { name: 'Audit trail' }).click()
      const records = page.getByRole('list', { name: 'Records' })
      await records.getByText('oli lifted a wait at ada').waitFor()
      for (const words of [
        `${GUESSER} must wait 30 seconds after 10 failed logins at ada`,
        `A password for ada was refused 9 times, from ${GUESSER}`,
        `ada signed in, from ${GUESSER}`,
      ])
        await records.getByText(words).waitFor()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'the audit trail is told in words, narrowed by the address, and read on to its end [O3]',
    async () => {
      const { patch, get } = clientOf(service.url)
      const owner = bearer(await tokenFor(service, 'oli'))
      const { people } = (await (await get('/v1/people?text=ada', owner)).json()) as {
        people: { id: string }[]
      }
      const ada = people[0]?.id ?? ''
      for (const disabled of [true, false])
        expect((await patch(`/v1/people/${ada}`, { disabled }, owner)).status).toBe(200)
      // More than one page, and no two alike, which would be told as one.
      for (let round = 0; round < 60; round += 1)
        for (const phone of ['1', '2'])
          await patch('/v1/me', phone === '1' ? { phone } : { address: phone }, owner)

      await using seen = await openConsole(browser, service, '/console/security/audit')
      const { page } = seen
      await signIn(page, 'oli')
      const records = page.getByRole('list', { name: 'Records' })
      await records.getByText('oli changed their own phone').first().waitFor()
      const first = records.getByText('The service started').first()
      for (let turn = 0; turn < 5 && !(await first.isVisible()); turn += 1) {
        await page.evaluate('scrollTo(0, document.body.scrollHeight)')
        await first.waitFor({ timeout: 3000 }).catch(() => {})
      }
      expect(await first.isVisible()).toBe(true)

      await page.goto(`/console/security/audit?subject=${ada}&action=account`)
      await records.getByText('oli disabled ada').waitFor()
      await records.getByText('oli enabled ada again').click()
      await records.getByText('account.enable').waitFor()
      expect(await records.getByText('phone').count()).toBe(0)
      await look(page, 'audit')
      await page.getByLabel('What').selectOption({ label: 'Signing in' })
      await page.getByLabel('Result').selectOption({ label: 'Failed or refused' })
      await page.getByLabel('From').fill('2020-01-01')
      await page.getByLabel('To, that day too').fill('2020-01-02')
      await page.getByRole('button', { name: 'Show', exact: true }).click()
      await page.getByText('Nothing in the audit trail fits this.').waitFor()
      expect(new URL(page.url()).searchParams.get('to')).toBe('2020-01-02')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'an owner chooses who may register, and makes a backup',
    async () => {
      await using seen = await openConsole(browser, service, '/console/security')
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByRole('radio', { name: /^Nobody/ }).check()
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('It counts from now on.').waitFor()
      const eve = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
      expect((await clientOf(service.url).post('/register', eve)).status).toBe(403)

      const backups = page.getByRole('list', { name: 'Backups' }).getByRole('listitem')
      await page.getByRole('button', { name: 'Make one now' }).click()
      await backups.first().waitFor({ timeout: 30_000 })
      await page.getByText('not encrypted').first().waitFor()
      await look(page, 'security-backups')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'what the gateway’s settings decide is told, and so is a gateway without backups',
    async () => {
      await using other = await startService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
      await addAccount(other, 'oli')
      await using seen = await openConsole(browser, other, '/console/security')
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByText('REGISTRATION=invite').waitFor()
      expect(await page.getByRole('radio').first().isDisabled()).toBe(true)
      await page.getByText('No backups are made.').waitFor()
      expect(await page.getByRole('button', { name: 'Make one now' }).count()).toBe(0)
      await other.stop()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('Lost the connection to the gateway.').waitFor()
      expect(seen.foreign).toEqual([])
    },
    TEST_MS_MAX,
  )
})
