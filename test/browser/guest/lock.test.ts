import { describe, expect, test } from 'bun:test'
import { PASSWORD } from '../../support/app.ts'
import { type RunningController, controllerPlace } from '../../support/controller-place.ts'
import { until } from '../../support/until.ts'
import { IS_LEFT_OUT, useBrowser } from '../chromium.ts'
import { inAllLooks } from '../looks.ts'
import { asAda, guestEvents, holdToOpen, invite, onPhone, useHome, usePass } from './home.ts'

/** With this status, a command says that the bolt is stuck. */
const BLOCKED = 3

describe.skipIf(IS_LEFT_OUT)('a guest at a door with a controller', () => {
  const browser = useBrowser()
  const home = useHome()

  /** Starts the executable as the controller of a new door. */
  const doorWith = async (place: ReturnType<typeof controllerPlace>, ...args: string[]) => {
    const { get, post } = await asAda(home())
    const label = `door-${crypto.randomUUID().slice(0, 8)}`
    await post('/v1/locks', { label, name: 'Back door', open_to: 'members' })
    const path = `/v1/locks/${label}/controllers`
    const { code } = await post<{ code: string }>(path, { password: PASSWORD })
    const started = place.start(['--gateway', home().url, '--code', code, ...args])
    await until(async () => {
      const { controllers } = await get<{ controllers: { state: string }[] }>(path)
      return controllers[0]?.state === 'online'
    })
    return { label, started }
  }

  const openingAt = async (label: string, uses = 3) => {
    const { path } = await invite(home(), { locks: [label], uses })
    const seen = await onPhone(browser(), home(), '/manual')
    await seen.page.clock.install()
    await seen.page.goto(path)
    await usePass(seen.page, 'Back door')
    await holdToOpen(seen.page, 'Back door')
    return seen
  }

  const opened = ({ output }: RunningController): number =>
    output.out.split('\n').filter((line) => line === 'OPEN').length

  test('presses and holds, the controller opens once, and the page says: Open: push', async () => {
    await using place = controllerPlace()
    const { label, started } = await doorWith(place, '--dry-run', '--open-seconds=1')
    await using seen = await openingAt(label)
    await seen.page.getByText('Open: push').waitFor()
    await inAllLooks(seen.page, 'guest-open')
    expect(opened(started)).toBe(1)
    await seen.page.clock.fastForward(20_000)
    await seen.page.getByText(/^Opened \d\d?:\d\d/).waitFor()
    expect(await seen.page.getByText('Open: push').count()).toBe(0)
    const events = (await guestEvents(home())).filter(({ lock }) => lock === label)
    expect(events.map(({ result }) => result).toSorted()).toEqual(['permitted', 'released'])
  })

  test('reads that the bolt is stuck, and the visit is given back', async () => {
    await using place = controllerPlace()
    const { label } = await doorWith(place, `--open=exit ${BLOCKED}`, '--open-seconds=1')
    await using seen = await openingAt(label)
    const { page } = seen
    await page.getByText('The bolt is stuck. Press again. Ask Ada if it stays shut.').waitFor()
    await page.getByText('0 of 3 used').waitFor()
    await inAllLooks(page, 'guest-stuck')
  })

  test('reads that the lock is offline', async () => {
    await using place = controllerPlace()
    const { label, started } = await doorWith(place, '--dry-run')
    expect(await started.stop()).toBe(0)
    const { get } = await asAda(home())
    await until(async () => {
      const { controllers } = await get<{ controllers: { state: string }[] }>(
        `/v1/locks/${label}/controllers`,
      )
      return controllers[0]?.state === 'offline'
    })
    await using seen = await openingAt(label)
    await seen.page.getByText('Let in, but the lock is offline. Ask Ada.').waitFor()
  })
})
