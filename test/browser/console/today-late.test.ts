import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useResource } from '../chromium.ts'
import { expectCalm, openAs, tokenFor } from './console.ts'
import { DAY_MS, household } from './household.ts'

const browser = useBrowser()
const home = useResource(
  () => household(2),
  ({ folder }) => rmSync(folder, { recursive: true }),
)

describe.skipIf(IS_LEFT_OUT)('today, with phones that report late', () => {
  test('what is reported late is announced, and stands where it happened, however much there is', async () => {
    await using service = await startService({ folder: home().folder, env: UNLIMITED })
    const grace = bearer(await tokenFor(service, 'grace'))
    const report = async (event: object): Promise<void> => {
      expect((await clientOf(service.url).post('/v1/unlocks', event, grace)).status).toBe(200)
    }
    await report({ method: 'card' })
    await using seen = await openAs(browser(), service, 'oli')
    const { page } = seen
    const headline = page.locator('.latest').getByText('grace unlocked the front door just now')
    await headline.waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    const reportLate = (days: number) => {
      const occurred_at = new Date(Date.now() - days * DAY_MS).toISOString()
      return report({ method: 'key', occurred_at })
    }
    await reportLate(1)
    await page.getByText('New: grace unlocked the front door with a key.').waitFor()
    const latest = page.getByRole('list', { name: 'Latest' }).getByRole('link')
    expect(await latest.first().innerText()).toMatch(/^grace\s+card/)
    for (let days = 2; days < 14; days += 1) await reportLate(days)
    await page.reload()
    await headline.waitFor()
    expect(await latest.first().innerText()).toMatch(/^grace\s+card/)
    const tomorrow = new Date(Date.now() + DAY_MS).toISOString()
    await report({ method: 'pin', occurred_at: tomorrow })
    await page
      .getByText('That is when the gateway received it: the phone’s clock is wrong.')
      .waitFor()
    await page.locator('.latest').getByRole('link').click()
    await page.getByText('at least 23 hours after the gateway received it').waitFor()
    expectCalm(seen)
  })
})
