import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService } from '../../support/binary.ts'
import { parseCsv } from '../../unlocks/query/csv.test.ts'
import { IS_LEFT_OUT, startChromium } from '../chromium.ts'
import { PHONE, TEST_MS_MAX, expectCalm, look, openConsole, signIn, tokenFor } from './console.ts'
import { lived } from './household.ts'

const DAYS = 40

type Listed = {
  readonly seq: number
  readonly id: string
  readonly username: string | null
  readonly method: string | null
  readonly result: string
  readonly received_at: string
}

let browser: Browser
let home: Awaited<ReturnType<typeof lived>>
let service: Service
/** Every event, by its number, as the API tells it. */
let events: readonly Listed[]

beforeAll(async () => {
  if (IS_LEFT_OUT) return
  home = await lived(DAYS)
  service = await startService({
    folder: home.folder,
    env: { ...UNLIMITED, TZ: 'Europe/Berlin' },
  })
  browser = await startChromium()
  const answer = await clientOf(service.url).get(
    '/v1/unlocks/export?format=ndjson',
    bearer(await tokenFor(service, 'oli')),
  )
  events = (await answer.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed)
}, TEST_MS_MAX)

afterAll(async () => {
  await browser?.close()
  await service?.stop()
  if (home) rmSync(home.folder, { recursive: true, force: true })
}, TEST_MS_MAX)

const rows = (page: Page) => page.getByRole('list', { name: 'Openings' }).getByRole('listitem')

const show = (page: Page) => page.getByRole('button', { name: 'Show', exact: true }).click()

/** The path and search of the address, once it has this in it. */
const addressWith = async (page: Page, part: string): Promise<string> => {
  await page.waitForURL((url) => url.href.includes(part))
  const { pathname, search } = new URL(page.url())
  return pathname + search
}

const saved = async (page: Page, press: () => Promise<void>): Promise<string> => {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  return readFileSync(await download.path(), 'utf8')
}

const eventAt = (seq: number): Listed => {
  const event = events[seq]
  if (!event) throw new Error(`there is no event ${seq}`)
  return event
}

describe.skipIf(IS_LEFT_OUT)('the log', () => {
  test(
    'is narrowed in the address, by person, result, days of the home and text, and goes back',
    async () => {
      await using seen = await openConsole(browser, service, '/console/log')
      const { page } = seen
      await signIn(page, 'oli')
      await rows(page).first().waitFor()
      await page.getByText('Narrow it down').click()
      await page.getByLabel('Person').selectOption('ada')
      await page.getByLabel('Result').selectOption('Refused')
      await show(page)
      expect(await addressWith(page, 'result=denied')).toBe(
        `/console/log?account=${home.ids['ada']}&result=denied`,
      )
      await page.getByText('by ada').waitFor()
      expect(await rows(page).allInnerTexts()).toEqual([expect.stringMatching(/^ada.*refused/s)])
      await look(page, 'log-narrowed')
      await page.getByRole('link', { name: 'refused' }).first().click()
      await page.waitForURL((url) => !url.search.includes('result'))
      const ofAda = events.filter(({ username }) => username === 'ada')
      expect(ofAda.length).toBeLessThan(50)
      await rows(page)
        .nth(ofAda.length - 1)
        .waitFor()
      expect(await rows(page).count()).toBe(ofAda.length)
      await page.goBack()
      await page.waitForURL((url) => url.search.includes('result'))
      await page.waitForFunction("document.querySelectorAll('select')[1].value === 'denied'")
      await page.goBack()
      await rows(page).nth(49).waitFor()
      expect(await page.getByLabel('Person').inputValue()).toBe('')

      await page.getByLabel('Search').fill('FACE')
      await page.keyboard.press('Enter')
      await addressWith(page, 'text=FACE')
      await rows(page).first().waitFor()
      for (const text of await rows(page).allInnerTexts()) expect(text).toContain('Face ID')
      await page.getByLabel('Search').fill('nobody at all')
      await show(page)
      await page.getByText('Nothing in the log fits this.').waitFor()
      await page.getByRole('link', { name: 'Show all of it' }).click()
      await rows(page).nth(49).waitFor()

      // The day of the home: an hour or two before that of UTC.
      const day = eventAt(60).received_at.slice(0, 10)
      await page.goto(`/console/log?from=${day}&to=${day}&result=nonsense&to2=x`)
      await rows(page).first().waitFor()
      const zoned = (at: string) =>
        new Date(at).toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })
      const ofDay = events.filter(({ received_at: at }) => zoned(at) === day)
      expect(await rows(page).count()).toBe(ofDay.length)
      await page.getByText('Narrow it down').click()
      await page.getByLabel('To, that day too').fill('2020-01-01')
      await show(page)
      await page.getByText('This day is before the first one').waitFor()
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'is read on to its first event, and found as it was left by whoever comes back from an event',
    async () => {
      await using seen = await openConsole(browser, service, '/console/log', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'oli')
      await rows(page).nth(49).waitFor()
      await look(page, 'log')
      for (let count = 0; count < home.size; count = await rows(page).count()) {
        await rows(page).nth(count).waitFor()
        await rows(page).last().scrollIntoViewIfNeeded()
      }
      expect(await rows(page).count()).toBe(home.size)
      expect(await page.getByRole('button', { name: 'Show more' }).count()).toBe(0)
      const last = rows(page).last().getByRole('link')
      await last.focus()
      const scrolled = await page.evaluate<number>('scrollY')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Receipt' }).waitFor()
      expect(await addressWith(page, eventAt(0).id)).toBe(`/console/log/${eventAt(0).id}`)
      await page.goBack()
      await rows(page)
        .nth(home.size - 1)
        .waitFor()
      await page.waitForFunction(`scrollY > ${scrolled - 200}`)
      expect(await page.evaluate<string>('document.activeElement.id')).toBe('event-0')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'is taken out as CSV and NDJSON, as it is narrowed, and an owner sees who did so [O3]',
    async () => {
      const path = `/console/log?account=${home.ids['grace']}&lock=garage`
      await using seen = await openConsole(browser, service, path)
      const { page } = seen
      await signIn(page, 'amy')
      await rows(page).first().waitFor()
      await page.getByText('As a file').click()
      const press = (name: string) => () => page.getByRole('button', { name }).click()
      const [heading, ...lines] = parseCsv(await saved(page, press('Save as CSV')))
      expect(heading).toContain('received_at')
      const listed = await rows(page).count()
      expect(lines).toHaveLength(listed)
      for (const line of lines) {
        expect(line[heading?.indexOf('username') ?? -1]).toBe('grace')
        expect(line[heading?.indexOf('lock') ?? -1]).toBe('garage')
      }
      const text = await saved(page, press('Save as NDJSON'))
      const objects = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Listed)
      expect(objects.map(({ seq }) => String(seq))).toEqual(lines.map(([seq]) => seq ?? ''))
      expect(await page.getByText('Who took it out before').count()).toBe(0)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('You are signed out.').waitFor()

      await signIn(page, 'oli')
      await page.getByText('As a file').click()
      await page.getByText('Who took it out before').click()
      const takers = page.getByRole('list', { name: 'Files taken out' }).getByRole('listitem')
      await takers.first().waitFor()
      expect((await takers.allInnerTexts()).slice(0, 2).join('\n')).toMatch(
        /amy.*openings of grace, as NDJSON, narrowed by lock.*amy.*as CSV/s,
      )
      await look(page, 'log-files')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )
})

/** Ways to tamper with a receipt, and what is said of each. */
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

describe.skipIf(IS_LEFT_OUT)('one event', () => {
  const choose = async (page: Page, receipt: string): Promise<void> => {
    const file = { name: 'receipt.txt', mimeType: 'text/plain', buffer: Buffer.from(receipt) }
    await page.getByLabel('Verify one that I kept').setInputFiles(file)
  }

  const verdict = (page: Page) => page.locator('.verdict')

  test(
    'has its receipt, which is saved and verified in the browser; one that was tampered with is refused in words [I6]',
    async () => {
      const { id, seq } = eventAt(home.size - 1)
      await using seen = await openConsole(browser, service, `/console/log/${id}`)
      const { page } = seen
      await signIn(page, 'oli')
      await page.getByRole('heading', { name: 'ada was refused at the front door' }).waitFor()
      expect(await page.locator('.facts').first().innerText()).toMatch(
        /Refused: not allowed at that time.*ada.*pin.*front door.*1 second before.*An app said so/s,
      )
      const receipt = await saved(page, () =>
        page.getByRole('button', { name: 'Save the receipt' }).click(),
      )
      expect(receipt).toStartWith('c2sp.org/tlog-proof@v1\n')
      await page.getByRole('button', { name: 'Verify here' }).click()
      await verdict(page).getByText('The receipt holds').waitFor()
      expect(await verdict(page).innerText()).toContain(
        `a log of ${home.size} events, this was event ${seq} of it`,
      )
      await page.getByText('What was computed').click()
      const [, , root = '-'] = receipt.slice(receipt.indexOf('\n\n') + 2).split('\n')
      expect(await verdict(page).innerText()).toContain(root)
      await look(page, 'event-verified')

      await choose(page, receipt)
      await page.getByText('The receipt that you chose holds').waitFor()
      for (const [name, tamper, words] of TAMPERED) {
        const tampered = tamper(receipt)
        expect([name, tampered === receipt]).toEqual([name, false])
        await choose(page, tampered)
        await page.getByText('The receipt that you chose does not hold').waitFor()
        expect([name, await verdict(page).innerText()]).toEqual([
          name,
          expect.stringMatching(words),
        ])
        await choose(page, receipt)
        await page.getByText('The receipt that you chose holds').waitFor()
      }
      await choose(page, receipt.replace(/^extra .*\n/m, ''))
      await page.getByText('It contains no event').waitFor()
      await look(page, 'event-tampered')

      const other = await clientOf(service.url).get(
        `/v1/unlocks/${eventAt(4).id}/receipt`,
        bearer(await tokenFor(service, 'oli')),
      )
      await choose(page, await other.text())
      await page.getByText('is of another event').waitFor()
      expect(await verdict(page).innerText()).toContain('Event 4:')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a gateway that shows another event than it signed for is found out',
    async () => {
      const { id } = eventAt(home.size - 1)
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'amy')
      await page.route(`**/v1/unlocks/${id}`, async (route) => {
        const answer = await route.fetch()
        await route.fulfill({
          response: answer,
          json: { ...(await answer.json()), username: 'eve' },
        })
      })
      await page
        .getByRole('link', { name: /^ada.*refused/ })
        .first()
        .click()
      await page.getByRole('heading', { name: 'eve was refused' }).waitFor()
      await page.getByRole('button', { name: 'Verify here' }).click()
      await page.getByText('this page shows something else').waitFor()
      expect(await verdict(page).innerText()).toContain('Believe the receipt: ada was refused')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'says what was told late, imported and erased, and proves it still [D7]',
    async () => {
      await using seen = await openConsole(browser, service, '/console/log', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'oli')
      await rows(page).nth(2).getByRole('link').click()
      await page.getByText('By the legacy server’s clock.').waitFor()
      expect(await page.locator('.facts').innerText()).toContain('May 3, 2021, 18:20:00 GMT+2')
      await page.goBack()
      await rows(page).nth(1).getByRole('link').click()
      await page.getByText('told late, as by a phone without a network').waitFor()
      const receipt = await saved(page, () =>
        page.getByRole('button', { name: 'Save the receipt' }).click(),
      )
      expect(
        (
          await clientOf(service.url).delete(
            `/v1/people/${home.ids['grace']}`,
            {},
            bearer(await tokenFor(service, 'oli')),
          )
        ).status,
      ).toBe(200)
      await page.reload()
      await page
        .getByRole('heading', { name: 'Somebody who was erased opened the front door' })
        .waitFor()
      await page.getByRole('button', { name: 'Verify here' }).click()
      await page.getByText('Person and method are erased').waitFor()
      await choose(page, receipt)
      await page.getByText('Your receipt still says who it was').waitFor()
      await look(page, 'event-erased')
      expectCalm(seen)
    },
    TEST_MS_MAX,
  )

  test(
    'a member sees, verifies and takes out their own openings alone [A2]',
    async () => {
      await using seen = await openConsole(browser, service, '/console', { viewport: PHONE })
      const { page } = seen
      await signIn(page, 'ada')
      await page.getByRole('heading', { name: 'My openings' }).waitFor()
      await rows(page).first().waitFor()
      for (const text of await rows(page).allInnerTexts()) expect(text).toStartWith('ada')
      await page.getByText('Narrow it down').click()
      expect(await page.getByLabel('Person').count()).toBe(0)
      await page.getByText('As a file').click()
      expect(await page.getByText('Who took it out before').count()).toBe(0)
      await look(page, 'log-member')
      await rows(page).first().getByRole('link').click()
      await page.getByRole('button', { name: 'Verify here' }).click()
      await page.getByText('The receipt holds').waitFor()
      const { id } = events.find(({ username }) => username === 'oli') ?? { id: '' }
      await page.goto(`/console/log/${id}`)
      await page.getByText('No such unlock.').waitFor()
      // Chromium's own words of that 404.
      expectCalm(seen, [404])
    },
    TEST_MS_MAX,
  )
})
