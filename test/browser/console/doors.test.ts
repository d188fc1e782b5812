import { describe, expect, test } from 'bun:test'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { until } from '../../support/until.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  expectFault,
  focusOn,
  look,
  openAs,
  sections,
  tokenFor,
} from './console.ts'

const NOTHING_MOVED = 'Let in. No lock is connected, so nothing moved; use your app or key.'

describe.skipIf(IS_LEFT_OUT)('doors', () => {
  const browser = useBrowser()
  const service = useService({ env: UNLIMITED }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'adam', 'admin')
    await addAccount(started, 'mia', 'member')
  })

  const as = async (username: string) => bearer(await tokenFor(service(), username))

  const send = async (method: 'post' | 'patch' | 'delete', path: string, body?: unknown) => {
    const answer = await clientOf(service().url)[method](path, body, await as('oli'))
    expect(answer.ok).toBe(true)
    return answer.json()
  }

  const card = (page: Page, name: string) => page.getByRole('article', { name })

  test('a member begins with the doors, and opens one with the keyboard', async () => {
    await using seen = await openAs(browser(), service(), 'mia', '/console', ON_PHONE)
    const { page } = seen
    await page.waitForURL('**/console/doors')
    expect(await sections(page).allInnerTexts()).toEqual(['Doors', 'My unlocks', 'Myself'])
    const door = card(page, 'Front door')
    await door.getByText('Open to you now').waitFor()
    await door.getByText('No unlocks yet').waitFor()
    await look(page, 'doors-member')

    const button = door.getByRole('button', { name: 'Open: Front door' })
    await button.focus()
    await page.keyboard.press('Enter')
    await door.getByRole('status').getByText(NOTHING_MOVED).waitFor()
    await focusOn(page, 'Open')
    await door.getByText(/^The gateway let mia in at the front door, just now$/).waitFor()
    await look(page, 'doors-let-in')

    await door.getByRole('link', { name: 'The gateway let mia in' }).click()
    await page.getByRole('heading', { name: 'The gateway let mia in at the front door' }).waitFor()
    await page.getByText('Let in by the gateway').waitFor()
    await look(page, 'unlock-permitted')
    expectCalm(seen)
  })

  test('an answer that is lost is asked for again, and opens nothing twice', async () => {
    await using seen = await openAs(browser(), service(), 'mia', '/console/doors', ON_PHONE)
    const { page } = seen
    const ids: unknown[] = []
    let answers: 'lost' | 'never' | 'soon' = 'lost'
    await page.route('**/v1/locks/front-door/unlock', async (route) => {
      ids.push((route.request().postDataJSON() as { id: string }).id)
      if (answers === 'soon') return route.continue()
      if (answers === 'never') return undefined
      // The gateway decides, and its answer does not arrive.
      await route.fetch()
      return route.abort()
    })
    const button = page.getByRole('button', { name: 'Open: Front door' })
    await button.click()
    const unanswered = page.getByText(
      'The gateway does not answer. Connect to the home Wi-Fi and press Open again, or use your key.',
    )
    await unanswered.waitFor()
    answers = 'never'
    await page.clock.install()
    await button.click()
    await unanswered.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Asking the gateway… Front door' }).waitFor()
    await until(() => ids.length === 2)
    await page.clock.fastForward('00:15')
    await unanswered.waitFor()
    answers = 'soon'
    await button.click()
    await page.getByText(NOTHING_MOVED).waitFor()
    await button.click()
    await page.getByText(NOTHING_MOVED).waitFor()
    expect(ids.slice(1, 3)).toEqual([ids[0], ids[0]])
    expect(ids[3]).not.toBe(ids[0])
    const { get } = clientOf(service().url)
    const list = await get('/v1/unlocks?result=permitted', await as('mia'))
    const { unlocks } = (await list.json()) as { unlocks: unknown[] }
    // The first test's, the one that was asked for twice, and the last one.
    expect(unlocks).toHaveLength(3)
  })

  test('a refusal says when the door opens, and Why? explains it', async () => {
    const later = new Date(Date.now() + 3 * 86_400_000)
    const day = later.toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' }).toLowerCase()
    const weekday = later.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })
    await send('post', '/v1/locks', { label: 'cellar', name: 'Weinkeller' })
    await send('post', '/v1/grants', {
      holder: { role: 'member' },
      locks: ['cellar'],
      windows: [{ days: [day], from: '10:00', until: '11:00' }],
    })
    await using seen = await openAs(browser(), service(), 'mia', '/console/doors', ON_PHONE)
    const { page } = seen
    const door = card(page, 'Weinkeller')
    await door.getByText(`Opens ${weekday} 10:00.`).waitFor()
    await door.getByRole('button', { name: 'Open: Weinkeller' }).click()
    const answer = door.getByRole('status')
    await answer.getByText(`Opens ${weekday} 10:00.`).waitFor()
    await door.getByText('mia was refused at “Weinkeller”: outside the hours').waitFor()
    await look(page, 'doors-refused')

    await answer.getByRole('link', { name: 'Why?' }).click()
    await page.getByRole('heading', { level: 1, name: 'May you open “Weinkeller”?' }).waitFor()
    await page.getByText('This is outside the hours of this rule.').first().waitFor()
    const grants = page.getByRole('list', { name: 'Every rule for this door' })
    await grants.getByText(/^All members · .* 10:00-11:00$/).waitFor()
    await grants.getByText('10:00–11:00').first().waitFor()
    expect(
      await grants.getByRole('list', { name: 'Next openings' }).getByRole('listitem').count(),
    ).toBe(5)
    expect(await page.getByText('What if?').count()).toBe(0)
    await look(page, 'why-member')

    await page.goto('/console/log')
    await page.getByRole('link', { name: 'Why was mia refused?' }).click()
    await page.getByText('This is outside the hours of this rule.').first().waitFor()
    expectCalm(seen)

    await using admin = await openAs(browser(), service(), 'adam', '/console')
    await admin.page.getByText('mia was refused at “Weinkeller”').first().waitFor()
    await look(admin.page, 'today-refused')
    await admin.page.getByRole('link', { name: 'Why was mia refused?' }).first().click()
    await admin.page.getByRole('heading', { name: 'May mia open “Weinkeller”?' }).waitFor()
    await admin.page.getByText('by the rules as they are today').waitFor()
    const asked = admin.page.getByRole('region', { name: 'What if?' })
    await asked.getByLabel('Day').fill(later.toISOString().slice(0, 10))
    await asked.getByLabel('Time').fill('10:30')
    await asked.getByRole('button', { name: 'Ask' }).click()
    await admin.page.getByRole('heading', { name: 'Yes' }).waitFor()
    await look(admin.page, 'why-admin')
    await asked.getByLabel('Who').selectOption('oli')
    await asked.getByLabel('Day').fill('')
    await asked.getByRole('button', { name: 'Ask' }).click()
    await admin.page.getByRole('heading', { name: 'May oli open “Weinkeller”?' }).waitFor()
    await admin.page.getByText('This is outside the hours of this rule.').first().waitFor()

    await admin.page.goto('/console/log?result=permitted')
    const rows = admin.page.getByRole('group', { name: 'Unlocks' }).getByRole('listitem')
    await rows.first().waitFor()
    const marks = await rows.locator('.marks').allInnerTexts()
    expect(new Set(marks)).toEqual(new Set(['let in']))
    await look(admin.page, 'log-permitted')

    // What a phone claims never looks like a decision, whatever it calls its method.
    const claim = { method: 'let in', lock: 'cellar' }
    expect((await clientOf(service().url).post('/v1/unlocks', claim, await as('mia'))).ok).toBe(
      true,
    )
    await admin.page.goto('/console/log?lock=cellar&result=unlocked')
    const claimed = rows.filter({ hasText: claim.method })
    await claimed.waitFor()
    expect(await claimed.locator('.marks').innerText()).toBe('')
    expectCalm(admin)
  })

  test('an admin adds a door, renames it, switches it off and on, and retires it', async () => {
    await using seen = await openAs(browser(), service(), 'adam', '/console/doors', ON_PHONE)
    const { page } = seen
    await page.getByRole('button', { name: 'Add a door' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Gartentür')
    expect(await dialog.getByLabel('Label').inputValue()).toBe('gartentur')
    await look(page, 'door-add')
    await dialog.getByLabel('Label').fill('front-door')
    await dialog.getByRole('button', { name: 'Add' }).click()
    await expectFault(
      page,
      dialog.getByLabel('Label'),
      'Another lock has or had this label; labels are never reused.',
    )
    await dialog.getByLabel('Label').fill('garden')
    await dialog.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('heading', { level: 1, name: 'Gartentür' }).waitFor()
    await focusOn(page, 'Gartentür')
    await page.getByText('Nobody may open it yet.').waitFor()
    await page.getByText('No rule lets you open this door.').waitFor()
    await look(page, 'door-new')

    await page.getByLabel('Name').fill('Garden gate')
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('heading', { level: 1, name: 'Garden gate' }).waitFor()
    await page.getByRole('button', { name: 'Switch off' }).click()
    await page.getByText('Switched off', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: /^Open/ }).count()).toBe(0)
    // Somebody else has changed it since this page was opened.
    await send('patch', '/v1/locks/garden', { name: 'Garden' })
    await page.getByRole('button', { name: 'Switch on' }).click()
    await page.getByText('Somebody has changed this in the meantime; read it again.').waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Garden' }).waitFor()
    await page.getByRole('button', { name: 'Switch on' }).click()
    await page.getByText('Garden is switched on.').waitFor()
    await page.getByRole('button', { name: 'Retire' }).click()
    await page.getByText('This cannot be undone.').waitFor()
    await look(page, 'door-retire')
    await page.getByRole('button', { name: 'Retire Garden' }).click()
    await page.getByText('This door is retired for good.').waitFor()
    await look(page, 'door-retired')
    await page.getByRole('link', { name: 'All doors' }).click()
    await card(page, 'Front door').waitFor()
    expect(await card(page, 'Garden').count()).toBe(0)
    await page.getByText('Retired doors').click()
    await page
      .getByRole('list', { name: 'Retired doors' })
      .getByText('Garden', { exact: true })
      .waitFor()
    expectCalm(seen, [409, 412])
  })

  test('a label that phones report is set up as a door', async () => {
    const { post } = clientOf(service().url)
    const unlock = { method: 'pin', lock: 'bike-shed' }
    expect((await post('/v1/unlocks', unlock, await as('mia'))).status).toBe(200)
    await using seen = await openAs(browser(), service(), 'oli', '/console/doors')
    const { page } = seen
    await page.getByRole('region', { name: 'Not set up' }).waitFor()
    await look(page, 'doors-not-set-up')
    await page.getByRole('button', { name: 'Set up: bike-shed' }).click()
    const dialog = page.getByRole('dialog', { name: 'Set up bike-shed' })
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Bike shed')
    await dialog.getByRole('radio', { name: /^All members, admins and owners/ }).check()
    await dialog.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('heading', { level: 1, name: 'Bike shed' }).waitFor()
    await page.getByText('Open to you now').waitFor()
    await page.getByText(/mia unlocked the bike shed, .*\(the phone says so\)/).waitFor()
    await page.goto('/console/doors')
    await card(page, 'Bike shed').waitFor()
    expect(await page.getByText('Not set up').count()).toBe(0)
    expectCalm(seen)
  })

  test('a lockdown keeps out everyone but owners, and the person who began it may undo it', async () => {
    await using seen = await openAs(browser(), service(), 'adam', '/console/doors', ON_PHONE)
    const { page } = seen
    await page.getByRole('button', { name: 'Lock down all doors' }).click()
    await page.getByLabel('For how long').selectOption('8 hours')
    await look(page, 'lockdown-begin')
    await page.getByRole('button', { name: 'Lock down', exact: true }).click()
    const lockdown = page.getByRole('region', { name: 'Lockdown' })
    await lockdown.getByText(/^Locked down by adam until /).waitFor()
    await look(page, 'doors-lockdown')

    await using member = await openAs(browser(), service(), 'mia', '/console/doors', ON_PHONE)
    const door = card(member.page, 'Front door')
    await door.getByText(/^Locked down by adam until /).waitFor()
    await door.getByRole('button', { name: 'Open: Front door' }).click()
    await door.getByText('The door is locked down: only owners may open it.').waitFor()
    await look(member.page, 'doors-lockdown-member')
    expect(await member.page.getByRole('button', { name: 'End lockdown' }).count()).toBe(0)

    await lockdown.getByText('you can end it for ten minutes').waitFor()
    await lockdown.getByRole('button', { name: 'End lockdown' }).click()
    await page.getByText('The lockdown has ended.').waitFor()
    await card(page, 'Front door').getByText('Open to you now').waitFor()

    await using owner = await openAs(browser(), service(), 'oli', '/console/doors/front-door')
    await owner.page.getByRole('button', { name: 'Lock down Front door' }).click()
    await owner.page.getByRole('button', { name: 'Lock down', exact: true }).click()
    await owner.page.getByText('Owners may still open it').waitFor()
    await page.goto('/console/doors/front-door')
    await page.getByText('Only an owner can end it.').waitFor()
    expect(await page.getByRole('button', { name: 'End lockdown' }).count()).toBe(0)
    await look(page, 'door-lockdown')
    // Nobody forgets it: the first page says so, and leads to where it is ended.
    await page.goto('/console')
    const today = page.getByRole('region', { name: 'Lockdown' })
    await today.getByText('Front door: Locked down by oli until somebody ends it.').waitFor()
    await look(page, 'today-lockdown')
    await today.getByRole('link', { name: 'Front door' }).click()
    await page.getByText('Only an owner can end it.').waitFor()
    await owner.page.getByRole('button', { name: 'End lockdown' }).click()
    await owner.page.getByText('The lockdown has ended.').waitFor()
    for (const visit of [seen, member, owner]) expectCalm(visit)
  })

  test('many doors are a list that is searched', async () => {
    await using many = await startService({ env: UNLIMITED })
    await addAccount(many, 'oli')
    const { post } = clientOf(many.url)
    const owner = bearer(await tokenFor(many, 'oli'))
    for (let flat = 1; flat <= 12; flat += 1) {
      const door = { label: `flat-${flat}`, name: `Flat ${flat}` }
      expect((await post('/v1/locks', door, owner)).ok).toBe(true)
    }
    await using seen = await openAs(browser(), many, 'oli', '/console/doors', ON_PHONE)
    const rows = seen.page.getByRole('list', { name: 'Doors' }).getByRole('listitem')
    await rows.nth(12).waitFor()
    expect((await rows.allInnerTexts()).map((text) => text.split('\n')[0]).slice(0, 4)).toEqual([
      'Flat 1',
      'Flat 2',
      'Flat 3',
      'Flat 4',
    ])
    await look(seen.page, 'doors-many')
    await seen.page.getByLabel('Search').fill('FLAT 12')
    await rows.nth(1).waitFor({ state: 'detached' })
    await rows.first().click()
    await seen.page.getByRole('heading', { level: 1, name: 'Flat 12' }).waitFor()
    expectCalm(seen)
  })

  test('nobody is let in if the log cannot be written', async () => {
    await using broken = await startService({ env: UNLIMITED })
    await addAccount(broken, 'oli')
    const database = join(broken.folder, 'data', 'secure-lock.db')
    cpSync(database, `${database}.older`)
    const { post } = clientOf(broken.url)
    const owner = bearer(await tokenFor(broken, 'oli'))
    expect((await post('/v1/unlocks', { method: 'pin' }, owner)).status).toBe(200)
    await using seen = await openAs(browser(), broken, 'oli', '/console/doors', ON_PHONE)
    const button = seen.page.getByRole('button', { name: 'Open: Front door' })
    await button.waitFor()
    cpSync(`${database}.older`, database)
    await button.click()
    await seen.page
      .getByText(
        'Nothing can be recorded right now, so nobody is let in. Use your key; the owner is told.',
      )
      .waitFor()
    await look(seen.page, 'doors-unrecorded')
  })

  test('a waiting person sees that nothing opens yet', async () => {
    const { post } = clientOf(service().url)
    const stranger = { username: 'ned', password: PASSWORD, phone: '1', address: 'x' }
    expect((await post('/register', stranger)).status).toBe(200)
    await using seen = await openAs(browser(), service(), 'ned', '/console/doors', ON_PHONE)
    await seen.page.getByText('You see the doors once an owner or admin lets you in.').waitFor()
    expect(await seen.page.getByRole('article').count()).toBe(0)
    await look(seen.page, 'doors-waiting')
    expectCalm(seen)
  })
})
