import { describe, expect, test } from 'bun:test'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import { ON_PHONE, addAccount, expectCalm, focusOn, look, openAs, tokenFor } from './console.ts'

describe.skipIf(IS_LEFT_OUT)('the calendar of holidays', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, (started) => addAccount(started, 'oli'))

  test('lists holidays by year, adds and removes them, and says what closes on them', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/doors', ON_PHONE)
    const { page } = seen
    await page.getByRole('navigation', { name: 'Doors' }).getByText('Holidays').click()
    await page.getByRole('heading', { level: 1, name: 'Holidays' }).waitFor()
    await page.getByText('No holidays yet.').waitFor()
    await page.getByText('No rule closes on these days.').waitFor()

    const owner = bearer(await tokenFor(service(), 'oli'))
    const { get, post } = clientOf(service().url)
    const grant = { holder: { role: 'member' }, locks: 'all', holidays: 'closed' }
    expect((await post('/v1/grants', grant, owner)).status).toBe(201)
    await page.reload()
    await page.getByText('1 rule closes on these days.').waitFor()

    for (const [day, name] of [
      ['2099-12-25', 'Weihnachten'],
      ['2098-12-25', 'Christmas'],
      ['2020-01-01', 'A new year that has begun long ago'],
    ] as const) {
      await page.getByRole('textbox', { name: 'Day' }).fill(day)
      await page.getByLabel('Name').fill(name)
      await page.getByRole('button', { name: 'Add' }).click()
      await page.getByText(`${name} is a holiday.`).waitFor()
    }
    await focusOn(page, 'Calendar')
    const years = page.locator('summary')
    await years.filter({ hasText: '2020' }).waitFor()
    expect(await years.allInnerTexts()).toEqual(['2020', '2098', '2099'])
    // Past years are folded away.
    expect(
      await page.getByText('A new year that has begun long ago', { exact: true }).isVisible(),
    ).toBe(false)
    await page
      .getByRole('list', { name: '2098' })
      .getByText('Fri')
      .or(page.getByText('Christmas').last())
      .first()
      .waitFor()
    await look(page, 'holidays')

    await page.getByRole('button', { name: 'Remove: Weihnachten' }).click()
    await page.getByText('Weihnachten was removed.').waitFor()
    await page.getByRole('list', { name: '2099' }).waitFor({ state: 'detached' })
    expect(await (await get('/v1/holidays', owner)).json()).toEqual({
      holidays: [
        { date: '2020-01-01', name: 'A new year that has begun long ago' },
        { date: '2098-12-25', name: 'Christmas' },
      ],
    })
    expectCalm(seen)
  })
})
