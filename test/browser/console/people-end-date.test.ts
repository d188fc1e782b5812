import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  fillIn,
  look,
  openAs,
  openConsole,
  tokenFor,
} from './console.ts'

const DAY_MS = 86_400_000

describe.skipIf(IS_LEFT_OUT)('the end date of an account', () => {
  const browser = useBrowser()
  const service = useService({ env: { ...UNLIMITED, TZ: 'Europe/Berlin' } }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'Eva', 'member')
  })

  const eva = async () => {
    const own = bearer(await tokenFor(service(), 'Eva'))
    return (await (await clientOf(service().url).get('/v1/me', own)).json()) as {
      id: string
      ends_at: string | null
    }
  }

  const setEnd = async (ends_at: string): Promise<void> => {
    const { id } = await eva()
    const owner = bearer(await tokenFor(service(), 'oli'))
    const { patch } = clientOf(service().url)
    expect((await patch(`/v1/people/${id}`, { ends_at }, owner)).status).toBe(200)
  }

  test('an owner picks the last day, sees it on each list, and removes it', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/people', ON_PHONE)
    const { page } = seen
    const list = page.getByRole('list', { name: 'People' })
    await list.getByText('Eva', { exact: true }).click()
    await page.getByText('Eva’s access does not end.').waitFor()
    const day = page.getByLabel('Last day')
    await day.fill('2999-03-31')
    await page
      .getByRole('region', { name: 'End date' })
      .getByRole('button', { name: 'Save' })
      .click()
    await page.getByText('Eva’s access ends on Sunday, March 31, 2999.').first().waitFor()
    expect((await eva()).ends_at).toBe('2999-03-31T22:00:00.000Z')
    await look(page, 'person-end-date')
    await page.getByText('until', { exact: false }).first().waitFor()
    await page.getByRole('link', { name: 'All people' }).click()
    await list.getByText('until Mar 31, 2999').waitFor()

    await list.getByText('Eva', { exact: true }).click()
    expect(await page.getByLabel('Last day').inputValue()).toBe('2999-03-31')
    await page.getByLabel('Last day').fill('')
    await page
      .getByRole('region', { name: 'End date' })
      .getByRole('button', { name: 'Save' })
      .click()
    await page.getByText('Eva’s access does not end.').first().waitFor()
    expect((await eva()).ends_at).toBeNull()

    await page.getByLabel('Last day').fill('2020-03-31')
    await page
      .getByRole('region', { name: 'End date' })
      .getByRole('button', { name: 'Save' })
      .click()
    // The browser itself refuses a day before today.
    expect(await page.getByLabel('Last day').evaluate((field) => field.matches(':invalid'))).toBe(
      true,
    )
    expect((await eva()).ends_at).toBeNull()
    await page.goto('/console/people')
    await list.getByText('oli', { exact: true }).click()
    await page.getByText('This is you.').waitFor()
    expect(await page.getByLabel('Last day').count()).toBe(0)
    expectCalm(seen)
  })

  test('is announced to the person and under Today, and explained at login afterwards', async () => {
    const endsAtMs = Date.now() + 5 * DAY_MS
    await setEnd(new Date(endsAtMs).toISOString())
    const words = (locale: string) =>
      new Intl.DateTimeFormat(locale, {
        weekday: 'long',
        day: 'numeric',
        month: 'long',
        timeZone: 'Europe/Berlin',
      }).format(endsAtMs - 1)
    const told = `Eva’s access ends on ${words('en-GB').replace(/^(\w+) /, '$1, ')}`
    {
      await using seen = await openAs(browser(), service(), 'oli', '/console')
      const { page } = seen
      await page.locator('.health > summary').click()
      await page.getByText(told).last().waitFor()
      await page.getByRole('link', { name: 'Open the account' }).click()
      await page.getByRole('heading', { level: 1, name: 'Eva' }).waitFor()
      expectCalm(seen)
    }
    await using seen = await openAs(browser(), service(), 'Eva', '/console/log', ON_PHONE)
    const { page } = seen
    await page.getByText(`Your access ends on ${words('en-US')}`).waitFor()
    await page.getByText('Ask an owner if you need it for longer.').waitFor()
    await look(page, 'own-end-date')

    using db = new Database(join(service().folder, 'data/secure-lock.db'))
    db.run("UPDATE account SET ends_at_ms = ? WHERE username = 'Eva'", [Date.now()])
    await page.reload()
    await page.getByLabel('User name').waitFor()
    await using other = await openConsole(browser(), service(), '/console', ON_PHONE)
    await fillIn(other.page, 'Eva', 'correct horse battery')
    await other.page.getByText(/Your access ended on .* Ask an owner\./).waitFor()
    await look(other.page, 'access-ended')
    await fillIn(other.page, 'Eva', 'wrong')
    await other.page.getByText('Wrong name or password.').waitFor()
    expectCalm(other, [401, 401])
  })
})
