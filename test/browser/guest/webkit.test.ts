import { describe, expect, test } from 'bun:test'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { addAccount } from '../../support/accounts.ts'
import { hasText, holds } from '../engines/walk.ts'
import { IS_WEBKIT_LEFT_OUT, startWebKit } from '../engines/webkit.ts'
import { guestEvents, invite } from './home.ts'

/** As a finger does. */
const touch = (type: 'pointerdown' | 'pointerup'): string =>
  `document.querySelector('button.hold').dispatchEvent(
    new PointerEvent('${type}', { isPrimary: true, button: 0, bubbles: true }))`

describe.skipIf(IS_WEBKIT_LEFT_OUT)('a guest with WebKit, the engine of Safari', () => {
  test('uses a pass, opens a door, and finds it again without the link', async () => {
    await using service = await startService({ env: UNLIMITED })
    await addAccount('Ada', { role: 'owner', folder: service.folder })
    const { path } = await invite(service)
    await using webkit = await startWebKit()
    await webkit.go(service.url + path)
    await holds(webkit, hasText('Ada lets you in'))
    expect(await webkit.evaluate<string>('location.href')).toBe(`${service.url}/guest`)
    await webkit.evaluate(`[...document.querySelectorAll('button')]
      .find((button) => button.innerText === 'Use on this phone').click()`)
    await holds(webkit, hasText('Hold to open'))
    await webkit.evaluate(touch('pointerdown'))
    await holds(webkit, hasText('Let in, but no lock is connected'))
    await webkit.evaluate(touch('pointerup'))
    await webkit.go(`${service.url}/guest`)
    await holds(webkit, hasText('Hold to open'))
    await webkit.evaluate(touch('pointerdown'))
    await holds(webkit, hasText('Let in, but no lock is connected'))
    const events = await guestEvents(service)
    expect(events.map(({ result }) => result)).toEqual(['permitted', 'permitted'])
  })
})
