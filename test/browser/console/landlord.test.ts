import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import { ON_PHONE, addAccount, expectCalm, focusOn, look, openAs, tokenFor } from './console.ts'

const FLATS = Array.from({ length: 12 }, (_, index) => `Flat ${index + 1}`)

/** The longest unit and label. */
const LONG = 'Garden house behind the second courtyard of Northumberland Avenue 117 left doors'

/** Where printed pages are saved for people to look at, with the screenshots. */
const SCREENSHOTS = process.env['SCREENSHOTS']

const MM_PX = 96 / 25.4

describe.skipIf(IS_LEFT_OUT)('a house with many flats', () => {
  const browser = useBrowser()
  const service = useService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } }, (started) =>
    addAccount(started, 'oli'),
  )

  const register = async (username: string, invitation: string) => {
    const { post } = clientOf(service().url)
    const person = { username, password: PASSWORD, phone: '0151 2345678', address: '1 Lock Lane' }
    expect((await post('/register', { ...person, invitation })).status).toBe(200)
  }

  const printed = async (page: Page, name: string, format: 'A4' | 'Letter'): Promise<number> => {
    const path = SCREENSHOTS ? { path: join(SCREENSHOTS, `${name}-${format}.pdf`) } : {}
    const pdf = await page.pdf({ format, ...path })
    return pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
  }

  test('many are invited at once, by a printed sheet of cards', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/invitations')
    const { page } = seen
    await page.getByRole('link', { name: 'invite many at once' }).click()
    await page.getByRole('heading', { level: 1, name: 'Invite many' }).waitFor()
    const lines = page.getByLabel('Flats, rooms or houses')
    await lines.fill(Array.from({ length: 51 }, () => 'x').join('\n'))
    await page.getByText('There are 51 lines; send at most 50 at once.').waitFor()
    await page.getByRole('button', { name: 'Create invitations' }).click()
    await lines.fill(`${LONG}!`)
    await page.getByText('is longer than 80 characters').waitFor()
    await look(page, 'invite-many-fault')
    await lines.fill(`${FLATS.join('\n')}, Miller\n\n${LONG}\t${LONG}\n`)
    await page.getByLabel('Accounts per invitation').fill('4')
    await page.getByText('and 10 more').waitFor()
    await look(page, 'invite-many')
    await page.getByRole('button', { name: 'Create 13 invitations' }).click()

    await page.getByRole('heading', { level: 1, name: '13 invitations' }).waitFor()
    await focusOn(page, '13 invitations')
    const cards = page.getByRole('article')
    expect(await cards.count()).toBe(13)
    await look(page, 'invitation-sheet')
    const card = page.getByRole('article', { name: 'Card for Flat 12' })
    const code = await card.locator('code').innerText()
    await card.getByRole('img', { name: `${service().url}/join#invitation=${code}` }).waitFor()
    expect(await card.innerText()).toContain(`open ${service().url}/join and enter`)
    expect(await card.innerText()).toContain('4 people can register with this card until')

    // Another page of the console does not lose the codes, and leaving the console asks.
    await page.getByRole('navigation', { name: 'Console' }).getByText('People').click()
    await page.getByRole('heading', { level: 1, name: 'People' }).waitFor()
    const asked = page.waitForEvent('dialog')
    await page.evaluate('void setTimeout(() => location.reload())')
    expect((await asked).type()).toBe('beforeunload')
    await page.goBack()
    expect(await card.locator('code').innerText()).toBe(code)

    for (const format of ['A4', 'Letter'] as const)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        expect([format, await printed(page, `sheet-${colorScheme}`, format)]).toEqual([format, 2])
      }
    await page.emulateMedia({ media: 'print', colorScheme: null })
    const sizes = await page.evaluate<{ pages: number[]; overflows: number; qr: number[] }>(`({
      pages: [...document.querySelectorAll('.cards-page')].map((page) => page.offsetHeight),
      overflows: [...document.querySelectorAll('.card')].filter((card) => {
        const { right, bottom } = card.getBoundingClientRect()
        return [...card.querySelectorAll('.qr, code')].some((part) => {
          const inner = part.getBoundingClientRect()
          return inner.right > right - 8 || inner.bottom > bottom - 8
        })
      }).length,
      qr: [...document.querySelectorAll('.card .qr')].map((qr) => qr.getBoundingClientRect().width),
    })`)
    // Letter is 279.4 mm high, and an inch of margin may be above and below.
    for (const height of sizes.pages) expect(height / MM_PX).toBeLessThan(279.4 - 2 * 25.4)
    for (const width of sizes.qr) expect(width / MM_PX).toBeGreaterThan(28)
    expect(sizes.overflows).toBe(0)
    await page.emulateMedia({ media: null })

    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Invite many' }).waitFor()
    expect(await page.content()).not.toContain(code)
    await register('mia', code)
    await register('max', code)
    const { get } = clientOf(service().url)
    const mia = await get('/v1/me', bearer(await tokenFor(service(), 'mia')))
    expect(await mia.json()).toMatchObject({ unit: 'Flat 12' })
    await page.getByRole('link', { name: 'Invitations' }).first().click()
    await page.getByText('Flat 12, Miller').waitFor()
    await page.getByText('Used 2 of 4 times.').waitFor()
    await look(page, 'invitations-many')
    // The question above, and nothing else.
    expect([seen.faults, seen.foreign]).toEqual([['dialog '], []])
  })

  test('people and unlocks are shown with their flat, and filtered by it', async () => {
    const unlock = async (username: string) => {
      const token = bearer(await tokenFor(service(), username))
      const { post } = clientOf(service().url)
      expect((await post('/v1/unlocks', { method: 'pin' }, token)).status).toBe(200)
    }
    for (const username of ['ada', 'bob', 'eve']) await addAccount(service(), username, 'member')
    for (const username of ['ada', 'bob', 'eve']) await unlock(username)
    await using seen = await openAs(browser(), service(), 'oli', '/console/people', ON_PHONE)
    const { page } = seen
    const people = page.getByRole('list', { name: 'People' })
    for (const [username, unit] of [
      ['ada', 'Hut 10'],
      ['bob', 'Hut 2'],
    ] as const) {
      await people.getByText(username, { exact: true }).click()
      await page.getByRole('heading', { level: 1, name: username }).waitFor()
      await page.getByLabel('Flat, room or house').fill(unit)
      await page.getByRole('region', { name: 'Unit' }).getByRole('button').click()
      await page.getByText(`${username} belongs to ${unit}.`).waitFor()
      await page.getByRole('link', { name: unit, exact: true }).waitFor()
      await look(page, `person-unit-${username}`)
      await page.getByRole('link', { name: 'All people' }).click()
      await people.getByText(unit, { exact: true }).waitFor()
    }
    await page.reload()
    const choice = page.getByLabel('Unit')
    await choice.waitFor()
    const units = await choice.locator('option').allInnerTexts()
    expect(units.slice(-2)).toEqual(['Hut 2', 'Hut 10'])
    await choice.selectOption('Hut 10')
    await page.waitForURL('**/people?unit=Hut+10')
    await people.getByText('bob', { exact: true }).waitFor({ state: 'detached' })
    await people.getByText('ada', { exact: true }).waitFor()
    expect(await people.getByRole('listitem').count()).toBe(1)
    await look(page, 'people-unit')

    await page.getByRole('navigation', { name: 'Console' }).getByText('Log').click()
    const unlocks = page.getByRole('group', { name: 'Unlocks' })
    await unlocks.getByText('Hut 10').waitFor()
    await look(page, 'log-units')
    await page.goto('/console/log?unit=hut+2')
    await page.getByRole('link', { name: 'unit “hut 2”' }).waitFor()
    await unlocks.getByText('bob').waitFor()
    expect(await unlocks.getByRole('listitem').count()).toBe(1)
    await look(page, 'log-unit')
    await unlocks.getByText('bob').click()
    await page.getByText('Where this person belongs now.').waitFor()
    await look(page, 'unlock-unit')
    expectCalm(seen)

    await using own = await openAs(browser(), service(), 'ada', '/console/myself')
    await own.page.getByText('You are ada, a member, in Hut 10.').waitFor()
    expectCalm(own)
  })
})
