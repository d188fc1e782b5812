import { describe, expect, test } from 'bun:test'
import { IS_LEFT_OUT, useBrowser } from '../chromium.ts'
import { expectCalm, focusOn } from '../console/console.ts'
import { inAllLooks } from '../looks.ts'
import {
  asAda,
  change,
  guestEvents,
  holdButton,
  holdToOpen,
  invite,
  isUnlock,
  onPhone,
  useHome,
  usePass,
} from './home.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** What a guest reads where no lock is connected. */
const LET_IN = 'Let in, but no lock is connected, so nothing moved. Ask Ada.'

/** Makes the phone believe that it asked so long ago; 0 is just now, however slow this machine is. */
const keptSince = (ms: number): string => `(() => {
  const kept = JSON.parse(localStorage.getItem('attempt'))
  const atMs = Date.now() ${ms === 0 ? `+ ${HOUR_MS}` : `- ${ms}`}
  localStorage.setItem('attempt', JSON.stringify({ ...kept, atMs }))
})()`

describe.skipIf(IS_LEFT_OUT)('a guest at the door', () => {
  const browser = useBrowser()
  const home = useHome()
  const attempts = async () => (await guestEvents(home())).length

  const atTheDoor = async (
    terms: Parameters<typeof invite>[1] = {},
    options: Parameters<typeof onPhone>[3] = {},
  ) => {
    const invited = await invite(home(), terms)
    const seen = await onPhone(browser(), home(), invited.path, options)
    await usePass(seen.page)
    return { ...seen, ...invited, before: await attempts() }
  }

  test('presses and holds, and is let in', async () => {
    await using seen = await atTheDoor({ uses: 3 })
    const { page, before } = seen
    await holdButton(page).hover()
    await page.mouse.down()
    await page.locator('button.held').waitFor()
    await page.getByText(LET_IN).waitFor()
    await page.mouse.up()
    // The click after a hold is a part of it.
    expect(await page.getByText('Open the front door?').count()).toBe(0)
    await page.getByText('1 of 3 used').waitFor()
    await inAllLooks(page, 'guest-let-in')
    expect(await attempts()).toBe(before + 1)
    expectCalm(seen, [401])
  })

  test('asks the gateway after 0.8 s, and no sooner', async () => {
    const { path } = await invite(home())
    await using seen = await onPhone(browser(), home(), '/manual')
    const { page } = seen
    await page.clock.install()
    await page.goto(path)
    await usePass(page)
    const asked: string[] = []
    page.on('request', (request) => {
      if (isUnlock(request)) asked.push(request.url())
    })
    await page.clock.pauseAt(Date.now() + HOUR_MS)
    await holdButton(page).hover()
    await page.mouse.down()
    await page.clock.runFor(799)
    await page.mouse.up()
    await page.getByText('Open the front door?').waitFor()
    await page.getByRole('button', { name: 'Not now' }).click()
    await holdButton(page).hover()
    await page.mouse.down()
    await page.clock.runFor(799)
    expect(await page.locator('button.held').count()).toBe(1)
    expect(asked).toEqual([])
    await page.clock.runFor(1)
    await page.clock.resume()
    await page.getByText(LET_IN).waitFor()
    await page.mouse.up()
    expect(asked).toHaveLength(1)
  })

  test('that presses only once is asked, as with a screen reader or a switch', async () => {
    await using seen = await atTheDoor()
    const { page, before } = seen
    await holdButton(page).click()
    await focusOn(page, 'Open')
    await page.getByRole('group', { name: 'Open the front door?' }).waitFor()
    await inAllLooks(page, 'guest-question')
    await page.getByRole('button', { name: 'Not now' }).click()
    await focusOn(page, 'Hold to open')
    expect(await attempts()).toBe(before)

    // What assistive technology does: a click without a pointer.
    await page.evaluate(`document.querySelector('button.hold').click()`)
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByText(LET_IN).waitFor()
    await focusOn(page, 'Hold to open')
    expect(await attempts()).toBe(before + 1)
    expectCalm(seen, [401])
  })

  test.each(['Space', 'Enter'])(
    'holds %s on a keyboard, or presses it and confirms',
    async (key) => {
      await using seen = await atTheDoor()
      const { page, before } = seen
      await holdButton(page).focus()
      const asked = page.waitForRequest(isUnlock)
      await page.keyboard.down(key)
      // A key that is held repeats.
      await page.keyboard.down(key)
      await asked
      await page.keyboard.up(key)
      await page.getByText(LET_IN).waitFor()
      expect(await attempts()).toBe(before + 1)

      await page.keyboard.press(key)
      await page.getByText('Open the front door?').waitFor()
      expect(await attempts()).toBe(before + 1)
      const again = page.waitForRequest(isUnlock)
      await page.keyboard.press(key)
      await again
      await page.getByText(LET_IN).waitFor()
      expect(await attempts()).toBe(before + 2)
    },
  )

  test('holds a finger on the button; one that slides away opens nothing', async () => {
    await using seen = await atTheDoor({}, { hasTouch: true, isMobile: true })
    const { page, before } = seen
    const session = await page.context().newCDPSession(page)
    const { x = 0, y = 0, width = 0, height = 0 } = (await holdButton(page).boundingBox()) ?? {}
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', away = 0) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: type === 'touchEnd' ? [] : [{ x: x + width / 2, y: y + height / 2 + away }],
      })
    const held = page.locator('button.held')
    await touch('touchStart')
    await held.waitFor()
    await touch('touchMove', height)
    await held.waitFor({ state: 'detached' })
    await touch('touchEnd')
    const asked = page.waitForRequest(isUnlock)
    await touch('touchStart')
    await asked
    await touch('touchEnd')
    await page.getByText(LET_IN).waitFor()
    expect(await attempts()).toBe(before + 1)
  })

  test('has one button for each door, and opens the one that is held', async () => {
    const { post } = await asAda(home())
    const name = 'Garage of the house behind, with the bicycles'
    await post('/v1/locks', { label: 'garage', name, open_to: 'members' })
    await using seen = await atTheDoor({ locks: ['front-door', 'garage'] })
    const { page, before } = seen
    await holdToOpen(page, name)
    await page.getByText(LET_IN).waitFor()
    await inAllLooks(page, 'guest-two-doors')
    const events = await guestEvents(home())
    expect([events.length, events[0]?.lock]).toEqual([before + 1, 'garage'])
    await holdButton(page, name).click()
    await page.getByRole('group', { name: `Open “${name}”?` }).waitFor()
  })

  test('waits on a slow network, and asks once however often it is pressed', async () => {
    await using seen = await atTheDoor({}, { reducedMotion: 'reduce' })
    const { page, before } = seen
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    await page.route(/guest\/unlock$/, async (route) => {
      await arrived
      await route.continue()
    })
    await holdButton(page).hover()
    await page.mouse.down()
    await page.locator('button.held').waitFor()
    // Nothing moves on a phone that is set so.
    const transition =
      "getComputedStyle(document.querySelector('button.hold'), '::before').transition"
    expect(await page.evaluate<string>(transition)).toMatch(/^none|^all( 0s)?$/)
    await page.getByText('Opening…').waitFor()
    await page.mouse.up()
    await holdButton(page).click({ force: true })
    await page.keyboard.press('Enter')
    expect(await page.getByText('Open the front door?').count()).toBe(0)
    arrive()
    await page.getByText(LET_IN).waitFor()
    expect(await attempts()).toBe(before + 1)
  })

  test('reads when it opens, counted down, and may try then', async () => {
    const opensMs = Date.now() + 2 * HOUR_MS + 9 * MINUTE_MS
    const invited = await invite(home(), { starts_at: new Date(opensMs).toISOString() })
    await using seen = await onPhone(browser(), home(), '/manual')
    const { page } = seen
    await page.clock.install()
    await page.goto(invited.path)
    await usePass(page)
    await page.getByText(/^Opens (today|tomorrow) \d/).waitFor()
    await page.getByText(/^in 2 h 0\d min$/).waitFor()
    await holdToOpen(page)
    await page
      .locator('section')
      .getByText(/^Opens (today|tomorrow) \d/)
      .waitFor()
    expect(await page.getByText(/^in 2 h 0\d min$/).count()).toBe(2)
    await inAllLooks(page, 'guest-too-early')
    expect((await guestEvents(home()))[0]).toMatchObject({ reason: 'not_yet_valid' })

    await page.clock.fastForward(2 * HOUR_MS)
    await page
      .getByText(/^in \d min \d\d s$/)
      .first()
      .waitFor()
    await change(home(), invited, { starts_at: null })
    await page.clock.fastForward(10 * MINUTE_MS)
    await page
      .getByText(/^Opens/)
      .first()
      .waitFor({ state: 'detached' })
    expect(await page.getByText(/^in /).count()).toBe(0)
    await holdToOpen(page)
    await page.getByText(LET_IN).waitFor()
  })

  test('whose answer is lost asks again with the same attempt, which is decided once', async () => {
    await using seen = await atTheDoor({ uses: 5 })
    const { page, before } = seen
    // The gateway decides, and its answer is lost.
    await page.route(/guest\/unlock$/, async (route) => {
      await route.fetch()
      await route.abort('connectionreset')
    })
    await holdToOpen(page)
    await page.getByText('No connection to the house. Are you on its Wi-Fi?').waitFor()
    await page.unroute(/guest\/unlock$/)
    await page.evaluate(keptSince(0))
    await page.reload()
    await holdToOpen(page)
    await page.getByText(LET_IN).waitFor()
    expect(await attempts()).toBe(before + 1)
    await page.getByText('1 of 5 used').waitFor()
  })

  test('is told of an answer that comes too late, and nothing opens for it', async () => {
    await using seen = await atTheDoor()
    const { page, before } = seen
    await page.route(/guest\/unlock$/, async (route) => {
      await route.fetch()
      await route.abort('connectionreset')
    })
    await holdToOpen(page)
    await page.getByText('No connection to the house').waitFor()
    await page.unroute(/guest\/unlock$/)
    await page.evaluate(keptSince(5 * MINUTE_MS))
    await page.reload()
    await holdToOpen(page)
    await page.getByText('That was 5 minutes ago. Press again.').waitFor()
    await inAllLooks(page, 'guest-too-late')
    expect(await attempts()).toBe(before + 1)
    await holdToOpen(page)
    await page.getByText(LET_IN).waitFor()
    expect(await attempts()).toBe(before + 2)
  })

  test('signs what it asks, and gets a new key where the browser has dropped it', async () => {
    await using seen = await atTheDoor()
    const { page, id } = seen
    const statements: string[] = []
    page.on('request', (request) => {
      const { statement } = isUnlock(request)
        ? (request.postDataJSON() as { statement?: string })
        : {}
      if (statement) statements.push(statement)
    })
    await page.evaluate(`indexedDB.deleteDatabase('guest') && null`)
    await page.reload()
    await holdToOpen(page)
    await page.getByText(LET_IN).waitFor()
    expect(statements).toHaveLength(1)
    const { get } = await asAda(home())
    const { events } = await get<{ events: { action: string; subject: { id: string } }[] }>(
      '/v1/audit?limit=50',
    )
    const rekeyed = events.filter(
      ({ action, subject }) => action === 'pass.rekey' && subject.id === `pass:${id}`,
    )
    expect(rekeyed).toHaveLength(1)
    expect(
      await page.evaluate<boolean>(`(async () => {
        const request = indexedDB.open('guest')
        await new Promise((resolve) => request.addEventListener('success', resolve))
        const got = request.result.transaction('keys').objectStore('keys').get('device')
        await new Promise((resolve) => got.addEventListener('success', resolve))
        return got.result.privateKey.extractable
      })()`),
    ).toBe(false)
  })

  test('asks the host for help, who sees it', async () => {
    await using seen = await atTheDoor()
    const { page, id } = seen
    await page.getByRole('button', { name: 'Ask Ada' }).click()
    await page.getByText(/^Ada was told, \d\d?:\d\d/).waitFor()
    await inAllLooks(page, 'guest-asked')
    const pass = await (await asAda(home())).get<{ asked_at: string | null }>(`/v1/passes/${id}`)
    expect(pass.asked_at).not.toBeNull()
  })

  test('whose pass is revoked while the page is open reads that it is no longer valid', async () => {
    await using seen = await atTheDoor()
    const { page, grant } = seen
    await (await asAda(home())).post(`/v1/grants/${grant}/revocation`)
    await holdToOpen(page)
    await page.getByText('This pass is no longer valid.').waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'No pass on this phone' }).waitFor()
  })

  test('reads days and hours in their own language, of the house', async () => {
    const later = new Date(Date.now() + 30 * 24 * HOUR_MS).toISOString()
    await using seen = await atTheDoor({ starts_at: later }, { locale: 'de-DE' })
    await seen.page.getByText(/^Opens [A-Z][a-z]\.?, \d+\. \p{L}+\.? \d\d:\d\d\.$/u).waitFor()
    expect(await seen.page.evaluate<string>('document.documentElement.lang')).toBe('en')
  })
})
