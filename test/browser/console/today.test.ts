import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../../support/binary.ts'
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
import { lived } from './household.ts'

const DAYS = 40

let browser: Browser
let home: Awaited<ReturnType<typeof lived>>

beforeAll(async () => {
  if (IS_LEFT_OUT) return
  home = await lived(DAYS)
  browser = await startChromium()
}, TEST_MS_MAX)

afterAll(async () => {
  await browser?.close()
  if (home) rmSync(home.folder, { recursive: true, force: true })
}, TEST_MS_MAX)

const startHome = (env: Readonly<Record<string, string>> = {}) =>
  startService({ folder: home.folder, env: { ...UNLIMITED, TZ: 'Europe/Berlin', ...env } })

const latest = (page: Page) =>
  page.getByRole('list', { name: 'Latest' }).getByRole('link').allInnerTexts()

const open = async ({ url }: Service, token: string, event: object): Promise<void> => {
  const answer = await clientOf(url).post('/v1/unlocks', event, bearer(token))
  expect(answer.status).toBe(200)
}

describe.skipIf(IS_LEFT_OUT)('today', () => {
  test(
    'tells whether all is well, who was at the door last, and how often it is opened',
    async () => {
      await using service = await startHome()
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'oli')
      const last = page.locator('.last')
      await last.waitFor()
      expect(await last.innerText()).toMatch(
        /^ada was refused at the front door \d+ minutes ago with a PIN: not allowed at that time\.$/,
      )
      const [first, late, imported] = await latest(page)
      expect(first).toContain('refused')
      expect(late).toContain('told late')
      expect(imported).toContain('May 3, 2021, 18:20')

      const health = page.getByRole('region', { name: 'to look at' })
      await health.getByText('intact', { exact: true }).waitFor()
      expect(await health.innerText()).toContain(`signs for ${home.size} events`)
      expect(await health.innerText()).toContain('set REGISTRATION=invite')
      await health.getByText('Check all now').click()
      await health.getByText(`all ${home.size} events checked`).waitFor()
      const [kept] = await Promise.all([
        page.waitForEvent('download'),
        health.getByText('Keep a checkpoint').click(),
      ])
      const path = join(home.folder, 'kept')
      await kept.saveAs(path)
      const check = ['log', 'verify', '--checkpoint', path]
      expect((await runCommand(check, { folder: home.folder })).status).toBe(0)

      await page.locator('.bars canvas').nth(1).waitFor()
      const token = await tokenFor(service, 'oli')
      const counts = async (): Promise<number[]> => {
        const rows = page.locator('.chart').first().locator('tbody tr')
        return (await rows.locator('td').allTextContents()).map(Number)
      }
      const total = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)
      const month = await counts()
      expect(month).toHaveLength(30)
      await page.getByText(`${total(month)} openings in 30 days`).waitFor()
      expect(await page.locator('.rank').first().innerText()).toContain('maximilian')
      await look(page, 'today')
      await page.getByRole('link', { name: '7 days' }).click()
      await page.getByText('openings in 7 days').waitFor()
      const week = await counts()
      expect(week).toEqual(month.slice(-7))
      const from = new Date(Date.now() - 7 * 86_400_000).toISOString()
      const answer = await clientOf(service.url).get(
        `/v1/unlocks/stats?zone=Europe/Berlin&from=${from}`,
        bearer(token),
      )
      const { days } = (await answer.json()) as { days: { count: number }[] }
      expect(days.slice(-7).map(({ count }) => count)).toEqual(week)
      await page.goBack()
      await page.getByText('openings in 30 days').waitFor()
      await page.getByRole('link', { name: 'grace' }).last().click()
      await page.getByRole('heading', { level: 1, name: 'Log' }).waitFor()
      expect(page.url()).toContain(home.ids['grace'] ?? '-')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'an unlock appears without loading the page again, also after the stream was cut and the token was over',
    async () => {
      await using first = await startHome()
      const { port } = new URL(first.url)
      const grace = await tokenFor(first, 'grace')
      await using seen = await openConsole(browser, first)
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByText('Live', { exact: true }).waitFor()
      await page.evaluate('window.isSamePage = true')
      await open(first, grace, { method: 'fingerprint' })
      await page.getByText('grace opened the front door just now with a fingerprint.').waitFor()
      expect(await page.getByRole('status').allTextContents()).toContain(
        'New: grace opened the front door with a fingerprint.',
      )
      expect((await latest(page)).filter((row) => row.startsWith('grace'))).not.toBeEmpty()
      expect(await page.getByRole('list', { name: 'Latest' }).locator('.fresh').count()).toBe(1)
      await page.getByText(`signs for ${home.size + 1} events`).waitFor()
      // The highlight must settle before colours are judged.
      await page.evaluate('Promise.all(document.getAnimations().map((one) => one.finished))')
      await look(page, 'today-live')
      expectCalm(seen)

      await first.stop()
      await page.getByText('Lost the connection to the gateway.').waitFor()
      // What happens before the page is back, it is told then; and it comes with no good token.
      await page.context().clearCookies({ name: 'lock-access' })
      await using second = await startHome({ PORT: port })
      for (const method of ['card one', 'card two']) await open(second, grace, { method })
      await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 })
      await page.getByRole('link', { name: 'grace card one' }).waitFor()
      expect((await latest(page)).slice(0, 2).join()).toMatch(/card two.*card one/s)
      expect(await page.getByText('Lost the connection').count()).toBe(0)
      await open(second, grace, { method: 'key', result: 'denied', reason: 'restricted' })
      await page.getByText('grace was refused at the front door just now with a key').waitFor()
      expect(await page.evaluate<boolean>('window.isSamePage')).toBe(true)
      expect(seen.faults.filter((fault) => /^(violates|script|dialog)/.test(fault))).toEqual([])
      expect(seen.foreign).toEqual([])
    },
    TEST_MS_MAX,
  )

  test(
    'the first unlock of an empty log appears by itself',
    async () => {
      await using service = await startService({ env: UNLIMITED })
      await addAccount(service, 'oli')
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByText('Nobody has opened the door yet.').waitFor()
      await page.getByText('Nobody was at the door in the last 30 days.').waitFor()
      await page.getByText('Live', { exact: true }).waitFor()
      await look(page, 'today-empty')
      // No machine of ours is without a warning.
      const findings = [
        { check: 'backup', state: 'ok', says: 'newest of 2026-11-22T18:30:00.000Z' },
      ]
      await page.route('**/v1/doctor', (route) => route.fulfill({ json: { findings } }))
      await open(service, await tokenFor(service, 'oli'), { method: 'Klopfzeichen' })
      await page.getByText('oli opened the front door just now by “Klopfzeichen”.').waitFor()
      await page.getByText('1 opening in 30 days').waitFor()
      await page.getByRole('heading', { name: 'All is well' }).waitFor()
      await page.getByText('newest of Sun, Nov 22, 2026, 18:30:00 UTC').waitFor()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a log that does not hold is told where and what, and the page does not call it well',
    async () => {
      const db = new Database(join(home.folder, 'data/secure-lock.db'))
      const { method } = db
        .query<{ method: string }, []>('SELECT method FROM unlock_event WHERE seq = 60')
        .get() ?? { method: '' }
      db.run("UPDATE unlock_event SET method = 'crowbar' WHERE seq = 60")
      await using service = await startHome()
      await using seen = await openConsole(browser, service)
      const { page } = seen
      await signIn(page, 'oli')
      const health = page.getByRole('region', { name: 'to look at' })
      await health.getByText('Not well').waitFor()
      await health.getByText('does not hold').waitFor()
      await health.getByText('First wrong event: 60.').waitFor()
      expect(await health.innerText()).toContain('its account, name or method was changed')
      await look(page, 'today-broken')
      db.run('UPDATE unlock_event SET method = ? WHERE seq = 60', [method])
      db.close()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )
})

test.skipIf(IS_LEFT_OUT)('the checkpoint that was kept is the gateway’s own', () => {
  const [origin, size] = readFileSync(join(home.folder, 'kept'), 'utf8').split('\n')
  expect(origin).toStartWith('secure-lock-server/')
  expect(Number(size)).toBe(home.size)
})
