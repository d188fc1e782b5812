import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { parseCsv } from '../../unlocks/query/csv.test.ts'
import { IS_LEFT_OUT, useBrowser, useResource, waitForTrue } from '../chromium.ts'
import { ON_PHONE, addAccount, expectCalm, logIn, look, openAs, tokenFor } from './console.ts'
import { household } from './household.ts'

const DAYS = 40

type Listed = {
  readonly seq: number
  readonly id: string
  readonly username: string | null
  readonly method: string | null
  readonly lock: string
  readonly result: string
  readonly occurred_at: string | null
  readonly received_at: string
}

const browser = useBrowser()
const home = useResource(
  () => household(DAYS),
  ({ folder }) => rmSync(folder, { recursive: true }),
)
const service = useResource(
  () => startService({ folder: home().folder, env: { ...UNLIMITED, TZ: 'Europe/Berlin' } }),
  (started) => started.stop(),
)
/** Every unlock, by its number, as the API has it. */
const unlocks = useResource(
  async () => {
    const answer = await clientOf(service().url).get(
      '/v1/unlocks/export?format=ndjson',
      bearer(await tokenFor(service(), 'oli')),
    )
    const lines = (await answer.text()).trimEnd().split('\n')
    return lines
      .map((line) => JSON.parse(line) as Listed)
      .toSorted((one, other) => one.seq - other.seq)
  },
  () => {},
)

const rows = (page: Page) => page.getByRole('group', { name: 'Unlocks' }).getByRole('listitem')

const days = (page: Page) => page.getByRole('group', { name: 'Unlocks' }).getByRole('heading')

const countOf = async (page: Page, count: number): Promise<void> => {
  await rows(page)
    .nth(count - 1)
    .waitFor()
  await rows(page).nth(count).waitFor({ state: 'detached' })
}

const homeDay = (at: string) => new Date(at).toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })

/** The path and search of the address, once it contains this. */
const addressWith = async (page: Page, part: string): Promise<string> => {
  await page.waitForURL((url) => url.href.includes(part))
  const { pathname, search } = new URL(page.url())
  return pathname + search
}

const saved = async (page: Page, press: () => Promise<void>): Promise<string> => {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  return readFileSync(await download.path(), 'utf8')
}

const unlockAt = (seq: number): Listed => {
  const unlock = unlocks()[seq]
  if (!unlock) throw new Error(`there is no unlock ${seq}`)
  return unlock
}

describe.skipIf(IS_LEFT_OUT)('the log', () => {
  test('is filtered by the address: by person, result, days of the home and text, and supports going back', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    await rows(page).first().waitFor()
    await page.getByText('Filter', { exact: true }).click()
    await page.getByLabel('Person').selectOption('ada')
    await page.getByLabel('Result').selectOption('Turned away')
    expect(await addressWith(page, 'result=denied')).toBe(
      `/console/log?account=${home().ids['ada']}&result=denied`,
    )
    await page.getByText('by ada').waitFor()
    await rows(page).first().waitFor()
    expect(await rows(page).allInnerTexts()).toEqual([expect.stringMatching(/^ada.*turned away/s)])
    await look(page, 'log-filtered')
    await page.getByRole('link', { name: 'turned away' }).first().click()
    await page.waitForURL((url) => !url.search.includes('result'))
    const ofAda = unlocks().filter(({ username }) => username === 'ada')
    expect(ofAda.length).toBeLessThan(50)
    await rows(page)
      .nth(ofAda.length - 1)
      .waitFor()
    expect(await rows(page).count()).toBe(ofAda.length)
    await page.goBack()
    await page.waitForURL((url) => url.search.includes('result'))
    await waitForTrue(page, "document.querySelectorAll('select')[3].value === 'denied'")
    await page.goBack()
    await page.waitForURL((url) => !url.search.includes('result'))
    await page.goBack()
    await rows(page).nth(49).waitFor()
    expect(await page.getByLabel('Person').inputValue()).toBe('')

    await page.getByLabel('Search').fill('FACE')
    await addressWith(page, 'text=FACE')
    await rows(page).first().waitFor()
    for (const text of await rows(page).allInnerTexts()) expect(text).toContain('Face ID')
    await page.getByLabel('Search').fill('nobody at all')
    await page.getByText('No matches.').waitFor()
    await page.getByRole('link', { name: 'Show all unlocks' }).click()
    await rows(page).nth(49).waitFor()
    expect(await page.getByLabel('Search').inputValue()).toBe('')

    // A day of the home begins an hour or two before that of UTC.
    const day = unlockAt(60).received_at.slice(0, 10)
    await page.goto(`/console/log?from=${day}&to=${day}&result=nonsense&to2=x`)
    await rows(page).first().waitFor()
    const ofDay = unlocks().filter(({ received_at: at }) => homeDay(at) === day)
    expect(await rows(page).count()).toBe(ofDay.length)
    expect(await days(page).count()).toBe(1)
    expectCalm(seen)
  })

  test('lists unlocks under the days of the home on which they happened, and marks what was reported late', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    await rows(page).nth(49).waitFor()
    const headings = await days(page).allInnerTexts()
    expect(headings).toContainEqual(expect.stringMatching(/^Yesterday [A-Z][a-z]+day, /))
    for (const heading of headings)
      expect(heading).toMatch(/^(Today |Yesterday )?[A-Z][a-z]+day, [A-Z][a-z]+ \d+(, \d{4})?$/)
    const late = rows(page).filter({ hasText: 'reported late' })
    expect(await late.allInnerTexts()).toEqual([expect.stringMatching(/^grace\s+pin/)])
    expect(await late.locator('time').getAttribute('datetime')).toBe(
      unlockAt(home().size - 2).occurred_at,
    )

    // Every column begins at one place.
    for (const column of ['strong', '.how', '.where', 'time']) {
      const lefts = await rows(page)
        .locator(column)
        .evaluateAll((cells) => cells.map((cell) => Math.round(cell.getBoundingClientRect().left)))
      expect([column, new Set(lefts).size]).toEqual([column, 1])
    }
    // What was imported stands where it happened.
    await page.goto('/console/log?from=2021-05-01&to=2021-05-31')
    const imported = page.getByRole('list', { name: 'May 3, 2021' }).getByRole('listitem')
    await imported.first().waitFor()
    expect(await rows(page).allInnerTexts()).toEqual([
      expect.stringMatching(/^ada\s+pin\s+front door\s+imported\s+18:20$/),
    ])
    expectCalm(seen)
  })

  test('applies what is typed a moment later, keeps the focus, and typing is one step to go back', async () => {
    await using seen = await openAs(browser(), service(), 'ada', '/console/log', ON_PHONE)
    const { page } = seen
    await rows(page).first().waitFor()
    const all = await rows(page).count()
    const search = page.getByLabel('Search')
    await search.pressSequentially('front')
    await addressWith(page, 'text=front')
    // The space at the end of the word stays, and what is typed after it too.
    await search.pressSequentially(' ')
    await search.pressSequentially('door')
    expect(await addressWith(page, 'text=front+door')).toBe('/console/log?text=front+door')
    expect(await search.inputValue()).toBe('front door')
    const atFront = unlocks().filter(
      ({ username, lock }) => username === 'ada' && lock === 'front-door',
    )
    expect(atFront.length).toBeLessThan(all)
    await countOf(page, atFront.length)
    await search.fill('gara')
    await addressWith(page, 'text=gara')
    await countOf(page, all - atFront.length)
    expect(await page.evaluate<string>('document.activeElement.type')).toBe('search')

    await page.getByText('Filter', { exact: true }).click()
    expect(await page.getByLabel('Person').count()).toBe(0)
    await page.getByLabel('Lock', { exact: true }).selectOption('garage')
    await addressWith(page, 'lock=garage')
    await page.getByLabel('Method').selectOption('pin')
    await addressWith(page, 'method=pin')
    await look(page, 'log-filters')
    await page.goBack()
    await page.waitForURL((url) => !url.search.includes('method'))
    expect(await page.getByLabel('Method').inputValue()).toBe('')
    await page.goBack()
    await page.goBack()
    await page.waitForURL((url) => url.search === '')
    expect(await search.inputValue()).toBe('')
    await countOf(page, all)
    expectCalm(seen)
  })

  test('a filter that is refused lists nothing, and its field says why', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log')
    const { page } = seen
    await rows(page).nth(49).waitFor()
    const noteOf = async (label: string): Promise<string> => {
      const id = await page.getByLabel(label, { exact: true }).getAttribute('aria-describedby')
      expect(await page.getByLabel(label, { exact: true }).getAttribute('aria-invalid')).toBe(
        'true',
      )
      return await page.locator(`[id="${id}"]`).innerText()
    }
    await page.getByText('Filter', { exact: true }).click()
    await page.getByLabel('From').fill('2026-03-04')
    await addressWith(page, 'from=2026-03-04')
    await page.getByLabel('Until (inclusive)').fill('2026-03-03')
    await page.getByText('Nothing is listed').waitFor()
    expect(await rows(page).count()).toBe(0)
    expect(await noteOf('Until (inclusive)')).toBe('This day is before the first one.')
    await look(page, 'log-refused')
    await page.getByRole('link', { name: 'until' }).click()
    await rows(page).first().waitFor()

    await page.getByLabel('Search').fill('x'.repeat(81))
    await page.getByText('Nothing is listed').waitFor()
    expect(await noteOf('Search')).toMatch(/^Invalid text: .*1 to 80 characters/)

    // An address that somebody wrote by hand.
    await page.goto('/console/log?lock=The+Garage')
    await page.getByText('Nothing is listed').waitFor()
    expect(await rows(page).count()).toBe(0)
    expect(await noteOf('Lock')).toMatch(/^Invalid lock: 1 to 32 lower-case letters and digits/)
    await page.goto('/console/log?account=ada')
    await page.getByText('Nothing is listed').waitFor()
    expect(await noteOf('Person')).toMatch(/^Invalid account: /)
    await page.getByRole('link', { name: 'Show all unlocks' }).click()
    await rows(page).nth(49).waitFor()
    // What Chromium reports about the refusals.
    expectCalm(seen, [400, 400, 400, 400])
  })

  test('says so if somebody has no unlocks, to them and about them', async () => {
    await addAccount(service(), 'nora', 'member')
    await using seen = await openAs(browser(), service(), 'nora', '/console/log', ON_PHONE)
    const { page } = seen
    const none = page.getByText('You have no unlocks yet.')
    await none.waitFor()
    await look(page, 'log-none')
    await page.getByLabel('Search').fill('garage')
    await addressWith(page, 'text=garage')
    await none.waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()

    await logIn(page, 'oli')
    await page.getByRole('link', { name: 'Log', exact: true }).click()
    await rows(page).first().waitFor()
    await page.getByText('Filter', { exact: true }).click()
    await page.getByLabel('Person').selectOption('nora')
    await page.getByText('nora has no unlocks.').waitFor()
    expectCalm(seen)
  })

  test('loads to its first unlock, and is as before when somebody returns to it', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/log', ON_PHONE)
    const { page } = seen
    await rows(page).nth(49).waitFor()
    await look(page, 'log')
    for (let count = 0; count < home().size; count = await rows(page).count()) {
      await rows(page).nth(count).waitFor()
      await rows(page).last().scrollIntoViewIfNeeded()
    }
    expect(await rows(page).count()).toBe(home().size)
    expect(await page.getByRole('button', { name: 'Show more' }).count()).toBe(0)
    const last = rows(page).last().getByRole('link')
    await last.focus()
    const scrolled = await page.evaluate<number>('scrollY')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Receipt' }).waitFor()
    // The imported one happened first.
    const { id, seq } = unlockAt(home().size - 3)
    expect(await addressWith(page, id)).toBe(`/console/log/${id}`)
    await page.goBack()
    await rows(page)
      .nth(home().size - 1)
      .waitFor()
    await waitForTrue(page, `scrollY > ${scrolled - 200}`)
    expect(await page.evaluate<string>('document.activeElement.id')).toBe(`unlock-${seq}`)
    expectCalm(seen)
  })

  test('is exported as CSV and NDJSON, as it is filtered, and an owner sees past exports [O3]', async () => {
    const path = `/console/log?account=${home().ids['grace']}&lock=garage`
    await using seen = await openAs(browser(), service(), 'amy', path)
    const { page } = seen
    await rows(page).first().waitFor()
    await page.getByText('Export', { exact: true }).click()
    const press = (name: string) => () => page.getByRole('button', { name }).click()
    const csv = await saved(page, press('Export as CSV'))
    // By it, Excel knows that the file is UTF-8.
    expect(csv).toStartWith('\uFEFF')
    const [heading, ...lines] = parseCsv(csv)
    expect(heading).toContain('received_at')
    const listed = await rows(page).count()
    expect(lines).toHaveLength(listed)
    for (const line of lines) {
      expect(line[heading?.indexOf('username') ?? -1]).toBe('grace')
      expect(line[heading?.indexOf('lock') ?? -1]).toBe('garage')
    }
    const text = await saved(page, press('Export as NDJSON'))
    const objects = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Listed)
    expect(objects.map(({ seq }) => String(seq))).toEqual(lines.map(([seq]) => seq ?? ''))
    expect(await page.getByText('Past exports', { exact: true }).count()).toBe(0)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()

    await logIn(page, 'oli')
    await page.getByText('Export', { exact: true }).click()
    await page.getByText('Past exports', { exact: true }).click()
    const exports = page.getByRole('list', { name: 'Past exports' }).getByRole('listitem')
    await exports.first().waitFor()
    expect((await exports.allInnerTexts()).slice(0, 2).join('\n')).toMatch(
      /amy.*unlocks of grace as NDJSON, filtered by lock.*amy.*as CSV/s,
    )
    await look(page, 'log-export')
    expectCalm(seen)
  })
})

/** Ways to tamper with a receipt, and what the page says about each. */
const TAMPERED: readonly (readonly [string, (receipt: string) => string, RegExp])[] = [
  [
    'another name',
    withLine((line) => line.replace('"ada"', '"eve"')),
    /its account, name or method/,
  ],
  [
    'another result',
    withLine((line) => line.replace('denied', 'unlocked')),
    /does not hold this entry/,
  ],
  [
    'another place',
    (receipt) => receipt.replace(/^index \d+/m, 'index 3'),
    /cannot be read|index 3/,
  ],
  ['another size', (receipt) => receipt.replace(/\n\n(.+)\n\d+\n/, '\n\n$1\n999\n'), /signature/],
  ['another signature', (receipt) => receipt.replace(/.{9}\n$/, 'AAAAAAAA=\n'), /note|signature/],
  ['half of it', (receipt) => receipt.slice(0, receipt.length / 2), /receipt/],
]

function withLine(change: (line: string) => string) {
  return (receipt: string) =>
    receipt.replace(/^extra (.*)$/m, (_line, extra: string) => `extra ${btoa(change(atob(extra)))}`)
}

describe.skipIf(IS_LEFT_OUT)('one unlock', () => {
  const choose = async (page: Page, receipt: string): Promise<void> => {
    const file = { name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from(receipt) }
    await page.getByLabel('Verify a saved receipt').setInputFiles(file)
  }

  const verdict = (page: Page) => page.locator('.verdict')

  test('has a receipt, which is saved and verified in the browser; a changed one is not valid [I6]', async () => {
    const { id, seq } = unlockAt(home().size - 1)
    await using seen = await openAs(browser(), service(), 'oli', `/console/log/${id}`)
    const { page } = seen
    await page.getByRole('heading', { name: 'ada was turned away at the front door' }).waitFor()
    expect(await page.locator('.facts').first().innerText()).toMatch(
      /Turned away: not allowed at this time.*ada.*pin.*front door.*1 second before.*An app that was logged in/s,
    )
    const receipt = await saved(page, () =>
      page.getByRole('button', { name: 'Save receipt' }).click(),
    )
    expect(receipt).toStartWith('c2sp.org/tlog-proof@v1\n')
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await verdict(page).getByText('The receipt is valid').waitFor()
    expect(await verdict(page).innerText()).toContain(
      `a log of ${home().entries} entries, this was number ${seq}`,
    )
    await page.getByText('Details').click()
    const [, , root = '-'] = receipt.slice(receipt.indexOf('\n\n') + 2).split('\n')
    expect(await verdict(page).innerText()).toContain(root)
    await look(page, 'unlock-verified')

    await choose(page, receipt)
    await page.getByText('Your saved receipt is valid').waitFor()
    for (const [name, tamper, words] of TAMPERED) {
      const tampered = tamper(receipt)
      expect([name, tampered === receipt]).toEqual([name, false])
      await choose(page, tampered)
      await page.getByText('Your saved receipt is not valid').waitFor()
      expect([name, await verdict(page).innerText()]).toEqual([name, expect.stringMatching(words)])
      await choose(page, receipt)
      await page.getByText('Your saved receipt is valid').waitFor()
    }
    await choose(page, receipt.replace(/^extra .*\n/m, ''))
    await page.getByText('It contains no event').waitFor()
    await look(page, 'unlock-tampered')

    const other = await clientOf(service().url).get(
      `/v1/unlocks/${unlockAt(4).id}/receipt`,
      bearer(await tokenFor(service(), 'oli')),
    )
    await choose(page, await other.text())
    await page.getByText('for another unlock').waitFor()
    expect(await verdict(page).innerText()).toContain('Unlock 4:')
    expectCalm(seen)
  })

  test('a gateway that shows something other than what it signed is caught', async () => {
    const { id } = unlockAt(home().size - 1)
    await using seen = await openAs(browser(), service(), 'amy', '/console', ON_PHONE)
    const { page } = seen
    await page.route(`**/v1/unlocks/${id}`, async (route) => {
      const answer = await route.fetch()
      await route.fulfill({
        response: answer,
        json: { ...(await answer.json()), username: 'eve' },
      })
    })
    await page
      .getByRole('link', { name: /^ada.*turned away/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'eve was turned away' }).waitFor()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('this page shows something else').waitFor()
    expect(await verdict(page).innerText()).toContain('Trust the receipt: ada was turned away')
    expectCalm(seen)
  })

  test('shows unlocks that were reported late, imported or erased, and still proves them [D7]', async () => {
    const imported = `/console/log/${unlockAt(home().size - 3).id}`
    await using seen = await openAs(browser(), service(), 'oli', imported, ON_PHONE)
    const { page } = seen
    await page.getByText('By the legacy server’s clock.').waitFor()
    expect(await page.locator('.facts').innerText()).toContain('May 3, 2021, 18:20:00 GMT+2')
    await page.goto('/console/log')
    await rows(page).filter({ hasText: 'reported late' }).getByRole('link').click()
    await page.getByText('Reported late, for example by a phone without a network').waitFor()
    const receipt = await saved(page, () =>
      page.getByRole('button', { name: 'Save receipt' }).click(),
    )
    expect(
      (
        await clientOf(service().url).delete(
          `/v1/people/${home().ids['grace']}`,
          {},
          bearer(await tokenFor(service(), 'oli')),
        )
      ).status,
    ).toBe(200)
    await page.reload()
    await page.getByRole('heading', { name: 'Erased person unlocked the front door' }).waitFor()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('Person and method are erased').waitFor()
    await choose(page, receipt)
    await page.getByText('Your receipt still proves who it was').waitFor()
    await look(page, 'unlock-erased')
    expectCalm(seen)
  })

  test('a member sees, verifies and exports their own unlocks only [A2]', async () => {
    await using seen = await openAs(browser(), service(), 'ada', '/console/log', ON_PHONE)
    const { page } = seen
    await page.getByRole('heading', { name: 'My unlocks' }).waitFor()
    await rows(page).first().waitFor()
    for (const text of await rows(page).allInnerTexts()) expect(text).toStartWith('ada')
    await page.getByText('Filter', { exact: true }).click()
    expect(await page.getByLabel('Person').count()).toBe(0)
    await page.getByText('Export', { exact: true }).click()
    expect(await page.getByText('Past exports', { exact: true }).count()).toBe(0)
    await look(page, 'log-member')
    await rows(page).first().getByRole('link').click()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('The receipt is valid').waitFor()
    const { id } = unlocks().find(({ username }) => username === 'oli') ?? { id: '' }
    await page.goto(`/console/log/${id}`)
    await page.getByText('No such unlock.').waitFor()
    // What Chromium reports about that 404.
    expectCalm(seen, [404])
  })
})
