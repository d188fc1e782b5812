import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UNLIMITED, runCommand, startService } from '../../support/binary.ts'
import { household } from '../console/household.ts'
import { hasText, holds, submitLogin, walkPages } from './walk.ts'
import { IS_WEBKIT_LEFT_OUT, type WebKit, startWebKit } from './webkit.ts'

describe.skipIf(IS_WEBKIT_LEFT_OUT)('WebKit, the engine of Safari', () => {
  test('walks every page and sees what is right on each, and verifies a bundle from a file', async () => {
    const { folder, ids, size } = await household(30)
    const { status } = await runCommand(['log', 'export', '--out', join(folder, 'bundle')], {
      folder,
    })
    expect(status).toBe(0)
    await using service = await startService({ folder, env: UNLIMITED })
    await using webkit = await startWebKit()
    await walkPages(webkit, { url: service.url, ids, size })
    await goBackAfterLogout(webkit, service.url)

    await webkit.go(pathToFileURL(join(folder, 'bundle/verify.html')).href)
    await holds(webkit, `document.querySelector('#verdict').dataset.state === 'intact'`)
    expect(
      await webkit.evaluate<string>(`document.querySelector('#verdict-words').innerText`),
    ).toContain(`All ${size} events are exactly as the holder of the key signed them`)
    await service.stop()
    rmSync(folder, { recursive: true })
  })
})

/** WebKit shows a page from its cache again, as it was. */
const goBackAfterLogout = async (webkit: WebKit, url: string): Promise<void> => {
  await webkit.go(`${url}/console`)
  await submitLogin(webkit, 'oli')
  await holds(webkit, hasText('unlocks in 30 days'))
  await webkit.go(`${url}/console/people`)
  await holds(webkit, hasText('grace'))
  await webkit.go(`${url}/manual`)
  await webkit.evaluate(`fetch('/v1/session/logout', { method: 'POST' }).then(({ ok }) => {
      document.title = ok ? 'ended' : 'failed'
    }) && null`)
  await holds(webkit, `document.title === 'ended'`)
  await webkit.evaluate('history.back()')
  await holds(webkit, `location.pathname === '/console/people'`)
  await holds(webkit, `document.querySelector('[autocomplete=current-password]') !== null`)
  expect(await webkit.evaluate<boolean>(hasText('grace'))).toBe(false)
}
