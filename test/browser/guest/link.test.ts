import { describe, expect, test } from 'bun:test'
import { IS_LEFT_OUT, useBrowser } from '../chromium.ts'
import { expectCalm } from '../console/console.ts'
import { inAllLooks } from '../looks.ts'
import { asAda, guestEvents, holdButton, invite, onPhone, useHome, usePass } from './home.ts'

describe.skipIf(IS_LEFT_OUT)('a guest who opens a link', () => {
  const browser = useBrowser()
  const home = useHome()

  type Pass = {
    readonly devices: readonly { readonly name: string; readonly removed_at: string | null }[]
    readonly looked_at: string | null
    readonly refused_at: string | null
    readonly asked_at: string | null
  }
  const passOf = async (id: string) => (await asAda(home())).get<Pass>(`/v1/passes/${id}`)

  test('sees who invites, which doors and when, and nothing is in use before the button', async () => {
    const { id, path } = await invite(home(), {
      windows: [{ days: ['tue', 'thu'], from: '09:00', until: '13:00' }],
      uses: 2,
    })
    await using seen = await onPhone(browser(), home(), path, { timezoneId: 'Asia/Tokyo' })
    const { page } = seen
    await page.getByRole('heading', { name: 'Ada lets you in' }).waitFor()
    expect(await page.evaluate<string>('location.href')).toBe(`${home().url}/guest`)
    const words = await page.locator('main').innerText()
    expect(words).toContain('Front door')
    expect(words).toContain('Tue and Thu 09:00-13:00')
    expect(words).toContain('0 of 2 used')
    expect(words).toContain('Times at the house (Europe/Berlin)')
    expect(words).toContain('It works on 2 phones.')
    await inAllLooks(page, 'guest-link')
    expect((await passOf(id)).devices).toEqual([])

    await page.getByRole('button', { name: 'Use on this phone' }).click()
    await holdButton(page).waitFor()
    expect((await passOf(id)).devices).toHaveLength(1)
    expect(await page.title()).toBe('Front door')
    await inAllLooks(page, 'guest-pass')
    expectCalm(seen, [401])
  })

  test('finds the doors again without the link, as from the home screen, and with it', async () => {
    const { id, path } = await invite(home())
    await using seen = await onPhone(browser(), home(), path)
    const { page } = seen
    await usePass(page)
    await page.goto('/manual')
    await page.goto('/guest')
    await holdButton(page).waitFor()
    await page.goto('/manual')
    await page.goto(path)
    await holdButton(page).waitFor()
    expect(page.url()).toBe(`${home().url}/guest`)
    expect((await passOf(id)).devices).toHaveLength(1)
    expectCalm(seen, [401])
  })

  test('sees another pass by its link in the same tab, and may use that one instead', async () => {
    const [first, second] = [await invite(home()), await invite(home(), { uses: 1 })]
    await using seen = await onPhone(browser(), home(), first.path)
    const { page } = seen
    await usePass(page)
    await page.evaluate(`location.hash = ${JSON.stringify(second.path.split('#')[1])}`)
    await page.getByText('0 of 1 used').waitFor()
    await usePass(page)
    expect((await passOf(second.id)).devices).toHaveLength(1)
  })

  test('with a forwarded link is refused, and the host hears of it', async () => {
    const { id, path } = await invite(home(), { pass: { devices_max: 1 } })
    await using first = await onPhone(browser(), home(), path)
    await usePass(first.page)
    await using second = await onPhone(browser(), home(), path)
    await second.page.getByText('In use on 1 of 1 phone.').waitFor()
    await second.page.getByRole('button', { name: 'Use on this phone' }).click()
    await second.page
      .getByText('This pass is in use on another phone. Ada has been told, and can allow one more.')
      .waitFor()
    await inAllLooks(second.page, 'guest-forwarded')
    const { devices, refused_at: refusedAt } = await passOf(id)
    expect([devices.length, refusedAt]).toEqual([1, expect.any(String)])
    expect((await guestEvents(home()))[0]).toMatchObject({
      result: 'denied',
      reason: 'another_device',
    })

    await (await asAda(home())).patch(`/v1/passes/${id}`, { devices_max: 2, handled: true })
    await usePass(second.page)
    expectCalm(second, [401, 409])
  })

  test('that has ended or was never one reads that it no longer works', async () => {
    const { grant, path } = await invite(home())
    await (await asAda(home())).post(`/v1/grants/${grant}/revocation`)
    for (const link of [path, `/guest#pass=${'x'.repeat(22)}`, '/guest#pass=short']) {
      await using seen = await onPhone(browser(), home(), link)
      await seen.page.getByRole('heading', { name: 'This link no longer works' }).waitFor()
      if (link === path) await inAllLooks(seen.page, 'guest-dead-link')
    }
    await using seen = await onPhone(browser(), home(), '/guest')
    await seen.page.getByRole('heading', { name: 'No pass on this phone' }).waitFor()
    await inAllLooks(seen.page, 'guest-no-pass')
  })

  test('inside an app is told beforehand that the pass stays there, and copies the link', async () => {
    const { path } = await invite(home())
    const userAgent =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 335.0.0'
    await using seen = await onPhone(browser(), home(), path, {
      userAgent,
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    const { page } = seen
    await page.getByText('This page is open inside another app.').waitFor()
    await page.getByRole('button', { name: 'Copy link' }).click()
    await page.getByText('Copied. Paste it into Safari.').waitFor()
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(home().url + path)
    await inAllLooks(page, 'guest-in-app')
    await using own = await onPhone(browser(), home(), path)
    await own.page.getByRole('button', { name: 'Use on this phone' }).waitFor()
    expect(await own.page.getByText('inside another app').count()).toBe(0)
  })

  test('reads that the house does not answer, until it does', async () => {
    const { path } = await invite(home())
    await using seen = await onPhone(browser(), home(), '/guest')
    const { page } = seen
    await page.route('**/v1/guest/**', (route) => route.abort('connectionrefused'))
    await page.goto('/manual')
    await page.goto(path)
    await page.getByText('No connection to the house. Are you on its Wi-Fi?').waitFor()
    await inAllLooks(page, 'guest-offline')
    await page.unroute('**/v1/guest/**')
    await page.getByRole('button', { name: 'Use on this phone' }).waitFor()
  })
})
