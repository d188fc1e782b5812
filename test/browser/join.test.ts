import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { PASSWORD, basic, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { IS_LEFT_OUT, startChromium, visit } from './chromium.ts'

/** Browsers on a small computer are slow to start; the service has no such excuse. */
const TEST_MS_MAX = 240_000

const PHONE = { viewport: { width: 375, height: 800 } }

describe.skipIf(IS_LEFT_OUT)('a person who opens a link on a phone', () => {
  let service: Service
  let browser: Browser

  beforeAll(async () => {
    service = await startService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
    browser = await startChromium()
  }, TEST_MS_MAX)

  afterAll(async () => {
    await browser?.close()
    await service?.stop()
  }, TEST_MS_MAX)

  const people = async () => {
    const answer = await clientOf(service.url).get('/getUsers', basic('oli', PASSWORD))
    const rows = (await answer.json()) as Record<string, Record<string, unknown>>
    return Object.values(rows).map(({ username, role, phone }) => ({ username, role, phone }))
  }

  test(
    '[A5, T6] becomes the first owner with the code that the start printed, which leaves the address',
    async () => {
      await using seen = await visit(browser, service.url, PHONE)
      const { page } = seen
      const [link = 'none'] = /http\S+#setup=\S+/.exec(service.output().words) ?? []
      await page.goto(link)
      await page.getByText('no owner yet').waitFor()
      expect(page.url()).toBe(`${service.url}/join`)
      const code = await page.getByLabel('Code').inputValue()
      expect(link).toEndWith(`#setup=${code}`)
      expect(await page.getByLabel('Phone').isVisible()).toBe(false)
      await page.getByLabel('User name').fill('oli')
      await page.getByLabel('Password').fill('short')
      await page.getByRole('button').click()
      await page.getByText('Weak password: too short').waitFor()
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button').click()
      await page.getByText('Welcome, oli').waitFor()
      expect(await people()).toEqual([{ username: 'oli', role: 'owner', phone: '' }])
      // What Chromium says of the weak password, and of nothing else.
      expect(seen.faults).toHaveLength(1)
      expect(seen.foreign).toEqual([])
    },
    TEST_MS_MAX,
  )

  test(
    'registers by an invitation, once',
    async () => {
      const { port } = new URL(service.url)
      const { out } = await runCommand(['invite'], {
        folder: service.folder,
        env: { HOST: '127.0.0.1', PORT: port },
      })
      const [link = 'none'] = /http\S+/.exec(out) ?? []
      for (const [username, said] of [
        ['ada', 'Welcome, ada'],
        ['eve', 'This invitation is not valid'],
      ] as const) {
        await using seen = await visit(browser, service.url, PHONE)
        const { page } = seen
        await page.goto(link)
        await page.getByLabel('User name').fill(username)
        await page.getByLabel('Password').fill(PASSWORD)
        await page.getByLabel('Phone').fill('01')
        await page.getByLabel('Address').fill('1 Lock Lane')
        await page.getByRole('button').click()
        await page.getByText(said).waitFor()
        expect(page.url()).toBe(`${service.url}/join`)
      }
      expect(await people()).toEqual([
        { username: 'oli', role: 'owner', phone: '' },
        { username: 'ada', role: 'member', phone: '01' },
      ])
    },
    TEST_MS_MAX,
  )

  test(
    'without a code is told that one is needed',
    async () => {
      await using seen = await visit(browser, service.url, PHONE)
      const { page } = seen
      await page.goto('/join')
      await page.getByLabel('User name').fill('eve')
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button').click()
      await page.getByText('Registering needs an invitation').waitFor()
    },
    TEST_MS_MAX,
  )
})
