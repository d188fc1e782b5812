import { expect, test } from 'bun:test'
import { startApp } from '../support/app.ts'
import { strayEvent } from '../support/unlock-log.ts'

const HTML = { accept: 'text/html,application/xhtml+xml' }

test('[I6] pages refer to no other host, and everything they refer to exists', async () => {
  await using app = await startApp()
  for (const path of ['/console', '/console/people', '/join', '/swagger']) {
    const page = await app.get(path, HTML)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    const html = await page.text()
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    for (const [, link = ''] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
      const answer = await app.get(link, HTML)
      expect(`${link} ${answer.status}`).toMatch(/ (?:200|401)$/)
      await answer.arrayBuffer()
    }
  }
})

test('the root redirects a browser to the console', async () => {
  await using app = await startApp()
  const answer = await fetch(`${app.url}/`, { headers: HTML, redirect: 'manual' })
  expect([answer.status, answer.headers.get('location')]).toStrictEqual([302, '/console'])
})

test('the script of the console is under 150 KiB compressed, without the charts', async () => {
  await using app = await startApp()
  const bytesOf = async (path: string) =>
    Bun.gzipSync(await (await app.get(path)).arrayBuffer()).byteLength
  expect(await bytesOf('/console/app.js')).toBeWithin(10_000, 150 * 1024)
  const script = await (await app.get('/console/app.js')).text()
  const chart = await (await app.get('/console/chart.js')).text()
  expect(chart).toContain('u-over')
  expect(script).not.toContain('u-over')
  expect(script).not.toContain('jsxDEV')
})

test('a script is sent compressed to clients that accept it, and plain to others', async () => {
  await using app = await startApp()
  for (const encoding of ['gzip', 'identity']) {
    const answer = await fetch(`${app.url}/console/app.js`, {
      headers: { 'accept-encoding': encoding },
      decompress: false,
    })
    const isCompressed = answer.headers.get('content-encoding') === 'gzip'
    expect([encoding, isCompressed]).toStrictEqual([encoding, encoding === 'gzip'])
    const bytes = await answer.arrayBuffer()
    const text = new TextDecoder().decode(isCompressed ? Bun.gunzipSync(bytes) : bytes)
    expect(text).toContain('/v1/session/cookie')
  }
})

test('anything but a browser gets the root as JSON', async () => {
  await using app = await startApp()
  expect(await (await app.get('/')).json()).toMatchObject({
    name: 'Secure Lock Server',
    links: { api: '/swagger' },
  })
})

test('an unchanged style is not sent again', async () => {
  await using app = await startApp()
  const etag = (await app.get('/page.css')).headers.get('etag') ?? ''
  expect((await app.get('/page.css', { 'if-none-match': etag })).status).toBe(304)
  expect((await app.get('/page.css', { 'if-none-match': '"older"' })).status).toBe(200)
})

test('the console says that the log does not verify, where, and what to do, and nothing about a person', async () => {
  await using app = await startApp()
  const firstPage = (headers = {}) => app.get('/console', { ...HTML, ...headers })
  expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: true })
  const calm = await firstPage()
  expect(await calm.text()).not.toContain('does not verify')
  await app.unlocks.store.transaction((writes) => writes.insertAll([strayEvent(0, 'Persephone')]))
  expect(await app.unlocks.verification.verifyAll()).toMatchObject({ ok: false, seq: 0 })
  // Whatever a browser has cached, it gets the newest verdict.
  const page = await firstPage({
    'if-none-match': '*',
    'if-modified-since': new Date().toUTCString(),
  })
  expect(page.status).toBe(200)
  for (const one of [calm, page]) {
    expect(one.headers.get('cache-control')).toBe('no-store')
    expect(one.headers.get('etag')).toBeNull()
  }
  const html = await page.text()
  expect(html).toContain('The unlock log does not verify')
  expect(html).toContain('There are events that no checkpoint covers.')
  expect(html).toContain(
    'First wrong unlock: <strong>0</strong>. The table counts from 1, so there it is 1.',
  )
  expect(html).toContain('<code>secure-lock-server log verify</code>')
  expect(html).not.toMatch(/Persephone|fingerprint|<!--/)
})
