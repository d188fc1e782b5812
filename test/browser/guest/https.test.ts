import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount } from '../../support/accounts.ts'
import { PASSWORD } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'
import { IS_LEFT_OUT, useBrowser, useResource } from '../chromium.ts'
import { openAs } from '../console/console.ts'
import { TAKE_AWAY } from '../engines/older-browsers.ts'
import { holdToOpen, isUnlock, onPhone, usePass } from './home.ts'

describe.skipIf(IS_LEFT_OUT)('a guest over HTTPS, after a warning about the certificate', () => {
  const browser = useBrowser()
  const folder = useResource(
    async () => temporaryFolder(),
    (path) => rmSync(path, { recursive: true }),
  )

  test('signs, has a cookie for this host only, and needs no newer browser than the manual says', async () => {
    const { cert, key } = selfSigned(folder(), 'lock')
    await using service = await startService({
      env: { ...UNLIMITED, TLS_CERT_FILE: cert, TLS_KEY_FILE: key },
    })
    await addAccount('Ada', { role: 'owner', folder: service.folder })
    await using seen = await onPhone(browser(), service, '/manual', { ignoreHTTPSErrors: true })
    const { page } = seen
    const login = await page.request.post('/login', {
      data: { username: 'Ada', password: PASSWORD },
    })
    const { access_token: token } = (await login.json()) as { access_token: string }
    const made = await page.request.post('/v1/grants', {
      headers: { authorization: `Bearer ${token}` },
      data: { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'] },
    })
    const { link } = (await made.json()) as { link: string }

    // The host reads about the warning first, and the text to send tells the guest about it.
    await using host = await openAs(browser(), service, 'Ada', '/console/guests', {
      ignoreHTTPSErrors: true,
    })
    await host.page.getByRole('link', { name: 'New guest' }).click()
    await host.page
      .getByText('A guest’s phone warns once that it does not know your certificate')
      .waitFor()
    await host.page.getByLabel('Name of the guest').fill('Painter')
    await host.page.getByRole('button', { name: 'Make the pass' }).click()
    await host.page.getByText('Your phone will warn that the connection is not private').waitFor()

    await page.addInitScript({ content: TAKE_AWAY })
    await page.goto(`/guest${new URL(link).hash}`)
    await usePass(page)
    const asked = page.waitForRequest(isUnlock)
    await holdToOpen(page)
    await page.getByText('Let in, but no lock is connected').waitFor()
    expect((await asked).postDataJSON()).toHaveProperty('statement')
    const cookie = (await page.context().cookies()).find(({ name }) => name === '__Host-guest')
    expect(cookie).toMatchObject({
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
      path: '/',
      domain: '127.0.0.1',
    })
    // Nothing but the cookie and the key stays on the phone: the code does not.
    const { hash } = new URL(link)
    expect(await page.evaluate<string>('JSON.stringify({ ...localStorage })')).not.toContain(
      hash.slice('#pass='.length),
    )
  })
})
