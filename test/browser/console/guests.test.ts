import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useResource, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  focusOn,
  look,
  openAs,
  sections,
  tokenFor,
} from './console.ts'

const ENV = { ...UNLIMITED, GUEST_PASSES: 'members', PUBLIC_URL: 'http://lock.home:8080' }

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1'
const ANDROID =
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36'

describe.skipIf(IS_LEFT_OUT)('guests', () => {
  const browser = useBrowser()
  const service = useService({ env: ENV }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'mia', 'member')
  })

  const preview = (page: Page) => page.getByRole('status', { name: 'Preview' })
  const part = (page: Page, name: string) => page.getByRole('region', { name })

  /** Makes a pass with the form, and returns the code of its link. */
  const makePass = async (page: Page, name: string): Promise<string> => {
    await page.getByLabel('Name of the guest').fill(name)
    await preview(page)
      .getByText(new RegExp(`^${name} · Front door · until`))
      .waitFor()
    await page.getByRole('button', { name: 'Make the pass' }).click()
    await focusOn(page, `The pass for ${name}`)
    return codeIn(await page.locator('.text-shown').innerText())
  }

  const codeIn = (text: string): string => {
    const [, code] = /^http:\/\/lock\.home:8080\/guest#pass=([\w-]{22})$/m.exec(text) ?? []
    if (code === undefined) throw new Error(`no link in: ${text}`)
    return code
  }

  /** Uses a pass on a phone without a key; returns the status and the cookie. */
  const bind = async (code: string, userAgent: string) => {
    const { post } = clientOf(service().url)
    const answer = await post('/v1/guest/bind', { code }, { 'user-agent': userAgent })
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const headers = { cookie, origin: service().url, 'user-agent': userAgent }
    return { status: answer.status, headers }
  }

  const open = async (headers: Record<string, string>): Promise<string> => {
    const attempt = { id: crypto.randomUUID(), lock: 'front-door' }
    const answer = await clientOf(service().url).post('/v1/guest/unlock', attempt, headers)
    return ((await answer.json()) as { decision: string }).decision
  }

  let plumber = { code: '', headers: {} as Record<string, string> }

  test('a host makes a pass, and sends a link that is shown once', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console', ON_PHONE)
    const { page } = seen
    const sent: string[] = []
    page.on('request', (request) => sent.push(request.postData() ?? ''))
    await sections(page).filter({ hasText: 'Guests' }).click()
    await page.getByText('No guest may open a door now.').waitFor()
    await page.getByRole('link', { name: 'New guest' }).click()
    await page
      .getByText('The link works only on your Wi-Fi, where phones reach lock.home:8080.')
      .waitFor()
    await page.getByText('Without HTTPS, anyone on the same network could copy a pass').waitFor()
    await page.getByRole('button', { name: 'Make the pass' }).waitFor()
    await preview(page).getByText('Enter the name of your guest.').waitFor()
    await look(page, 'guest-new')
    await page.getByLabel('How many phones').selectOption('One phone')
    const code = await makePass(page, 'Plumber')
    await page.getByRole('img', { name: 'QR code of the link for Plumber' }).waitFor()
    await page.getByText('Add your guest Wi-Fi to the text').click()
    await page.getByLabel('Name of the Wi-Fi').fill('Guests of Oli')
    await page.getByLabel('Its password').fill('very secret')
    await page
      .getByText('It works only on our Wi-Fi: Guests of Oli, password: very secret')
      .waitFor()
    await look(page, 'guest-link')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('heading', { level: 1, name: 'Plumber' }).waitFor()
    await page.getByText('link not opened yet').waitFor()
    expect(await page.content()).not.toContain(code)
    // The Wi-Fi stays in the page, and the code comes from the gateway only.
    expect(
      sent.filter((body) => /very secret|Guests of Oli/.test(body) || body.includes(code)),
    ).toEqual([])
    await look(page, 'guest-unused')
    plumber = { ...plumber, code }
    expectCalm(seen)
  })

  test('the host sees the phone, hears of another one, and allows it', async () => {
    const first = await bind(plumber.code, IPHONE)
    expect([first.status, (await bind(plumber.code, ANDROID)).status]).toEqual([200, 409])
    plumber = { ...plumber, headers: first.headers }
    expect(await open(first.headers)).toBe('permitted')

    await using seen = await openAs(browser(), service(), 'oli', '/console/guests', ON_PHONE)
    const { page } = seen
    const notice = page.getByRole('group', { name: 'Plumber needs you' })
    await notice.getByText(/^Plumber’s pass was tried on another phone, /).waitFor()
    await page.getByText(/^used first on an iPhone, /).waitFor()
    await look(page, 'guests-notice')
    await notice.getByRole('button', { name: 'Allow one more phone' }).click()
    await page.getByText('Plumber may now use 2 phones.').waitFor()
    await notice.waitFor({ state: 'detached' })
    await focusOn(page, 'Guests')
    const second = await bind(plumber.code, ANDROID)
    expect(second.status).toBe(200)

    const { post } = clientOf(service().url)
    expect((await post('/v1/guest/ask', {}, second.headers)).status).toBe(200)
    await page.reload()
    await notice.getByText(/^Plumber asks you for help, /).waitFor()
    await notice.getByRole('button', { name: 'Done: Plumber' }).click()
    await notice.waitFor({ state: 'detached' })

    await page.getByRole('link', { name: /^Plumber/ }).click()
    await page.getByRole('heading', { level: 1, name: 'Plumber' }).waitFor()
    await page.getByText('2 of 2 phones in use.').waitFor()
    const did = part(page, 'What they did').getByRole('listitem')
    await did.getByText('let in').waitFor()
    await look(page, 'guest')
    await page.getByRole('button', { name: 'Remove: Android phone' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('Removed, effective now.').waitFor()
    await page.getByText('1 of 2 phones in use.').waitFor()
    expect(await open(second.headers)).not.toBe('permitted')

    await did.first().click()
    await page
      .getByRole('heading', {
        level: 1,
        name: 'The gateway let guest Plumber in at the front door',
      })
      .waitFor()
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await page.getByText('The receipt is valid').waitFor()
    await look(page, 'unlock-of-guest')
    expectCalm(seen)
  })

  test('a host changes the times, makes a new link, revokes and erases', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/guests')
    const { page } = seen
    await page.getByRole('link', { name: /^Plumber/ }).click()
    await page.getByRole('button', { name: 'Change doors or times' }).click()
    await page.getByLabel('Last day').fill('2099-03-31')
    await preview(page)
      .getByText(/^Plumber · Front door · until 31 March 2099/)
      .waitFor()
    await look(page, 'guest-change')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved, effective now. The link stays the same.').waitFor()
    await page.getByText('Front door · until 31 March 2099').first().waitFor()
    expect(await open(plumber.headers)).toBe('permitted')

    await page.getByRole('button', { name: 'New link' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new link' }).click()
    await focusOn(page, 'The pass for Plumber')
    const code = codeIn(await page.locator('.text-shown').innerText())
    await page.getByRole('button', { name: 'Done' }).click()
    await focusOn(page, 'Link')
    expect(code).not.toBe(plumber.code)
    const statuses = [await bind(plumber.code, IPHONE), await bind(code, IPHONE)]
    expect(statuses.map(({ status }) => status)).toEqual([404, 200])
    const { headers = {} } = statuses[1] ?? {}

    await page.getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('dialog').getByText('Revoke this pass?').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Revoked, effective now at the front door.').waitFor()
    await page.getByText('revoked', { exact: true }).waitFor()
    expect(await open(headers)).not.toBe('permitted')
    await look(page, 'guest-revoked')

    await page.getByRole('button', { name: 'Erase now' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Erase Plumber' }).click()
    await page.getByText('Plumber is erased.').waitFor()
    await page.getByRole('link', { name: 'Ended' }).click()
    await page.getByText('No past guests.').waitFor()
    await page.goto(`${service().url}/console/log`)
    await page.getByText('Erased person').first().waitFor()
    expect(await page.content()).not.toContain('Plumber')
    expectCalm(seen)
  })

  test('a member has guests of their own, for doors that they may open', async () => {
    await using seen = await openAs(browser(), service(), 'mia', '/console/guests', ON_PHONE)
    const { page } = seen
    expect(await sections(page).allInnerTexts()).toEqual([
      'Doors',
      'My unlocks',
      'Guests',
      'Myself',
    ])
    await page.getByText('No guest may open a door now.').waitFor()
    await page.getByRole('link', { name: 'New guest' }).click()
    expect(await page.getByText('All doors, also those added later').count()).toBe(0)
    const code = await makePass(page, 'Eva')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('heading', { level: 1, name: 'Eva' }).waitFor()
    const { headers } = await bind(code, IPHONE)
    expect(await open(headers)).toBe('permitted')
    await page.reload()
    await part(page, 'What they did').getByText('let in').waitFor()
    expect(await part(page, 'What they did').getByRole('link').count()).toBe(0)
    await look(page, 'guest-of-member')
    // An admin sees whose guest it is.
    await using others = await openAs(browser(), service(), 'oli', '/console/guests')
    await others.page.getByText('guest of mia').waitFor()
    await look(others.page, 'guests')
    expectCalm(seen)
    expectCalm(others)
  })
})

describe.skipIf(IS_LEFT_OUT)('a pass that comes from a backup', () => {
  const browser = useBrowser()
  const service = useResource(
    async () => {
      const folder = temporaryFolder()
      {
        await using first = await startService({ env: ENV, folder })
        await addAccount(first, 'oli')
        const grant = { holder: { pass: { label: 'Eva' } }, locks: ['front-door'], uses: 3 }
        const headers = bearer(await tokenFor(first, 'oli'))
        expect((await clientOf(first.url).post('/v1/grants', grant, headers)).status).toBe(201)
      }
      suspendAll(folder)
      return startService({ env: ENV, folder })
    },
    (started) => started.stop(),
  )

  test('opens nothing until an owner confirms it', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/guests', ON_PHONE)
    const { page } = seen
    await page.getByRole('link', { name: /^Eva/ }).getByText('switched off').waitFor()
    await page.getByRole('link', { name: /^Eva/ }).click()
    await page.getByText(/^It opens nothing until an owner confirms it/).waitFor()
    await look(page, 'guest-suspended')
    await page.getByRole('button', { name: 'Confirm it' }).click()
    await page.getByText('Confirmed, effective now.').waitFor()
    await page.getByText('may open', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Confirm it' }).count()).toBe(0)
    expectCalm(seen)
  })
})

/** Suspends every grant with a number of visits, as a restore does that cannot be compared with what was there. */
const suspendAll = (folder: string): void => {
  using db = new Database(join(folder, 'data/secure-lock.db'))
  db.run('UPDATE access_grant SET suspended_at_ms = 1 WHERE uses_max IS NOT NULL')
}
