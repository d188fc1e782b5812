import { describe, expect, test } from 'bun:test'
import { chromium } from 'playwright-core'
import { CHROMIUM, IS_LEFT_OUT, useResource } from '../chromium.ts'
import { inAllLooks } from '../looks.ts'
import { asAda, holdToOpen, invite, isUnlock, onPhone, useHome, usePass } from './home.ts'

const NAME = 'lock.home'

/** A Chromium that finds a home by its name; for it, such a page is not secure. */
const startChromium = () =>
  chromium.launch({
    ...CHROMIUM,
    args: [
      ...CHROMIUM.args.filter((arg) => !arg.startsWith('--host-resolver-rules')),
      `--host-resolver-rules=MAP ${NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
    ],
  })

describe.skipIf(IS_LEFT_OUT)('a guest over plain HTTP', () => {
  const browser = useResource(startChromium, (started) => started.close())
  const home = useHome({ ALLOWED_HOSTS: NAME })

  test('is told that anyone on the Wi-Fi could copy the pass, and opens by the cookie alone', async () => {
    const { id, path } = await invite(home())
    const url = home().url.replace('127.0.0.1', NAME)
    await using seen = await onPhone(browser(), { url }, path)
    const { page } = seen
    await page.getByText('Not encrypted: anyone on this Wi-Fi could copy this pass.').waitFor()
    await inAllLooks(page, 'guest-plain-http')
    await usePass(page)
    expect(await page.getByText('Not encrypted').count()).toBe(0)
    const asked = page.waitForRequest(isUnlock)
    await holdToOpen(page)
    await page.getByText('Let in, but no lock is connected').waitFor()
    expect((await asked).postDataJSON()).toEqual({ id: expect.any(String), lock: 'front-door' })
    const { devices } = await (await asAda(home())).get<{ devices: unknown[] }>(`/v1/passes/${id}`)
    expect(devices).toHaveLength(1)
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({
      name: 'lock-guest',
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    })
  })
})
