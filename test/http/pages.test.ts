import { expect, test } from 'bun:test'
import { startApp } from '../support/app.ts'

const HTML = { accept: 'text/html,application/xhtml+xml' }

test('[I6] a browser gets pages that name no other host, and everything they name is here', async () => {
  await using app = await startApp()
  for (const path of ['/', '/join', '/swagger']) {
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

test('anything but a browser gets the first page as JSON', async () => {
  await using app = await startApp()
  expect(await (await app.get('/')).json()).toMatchObject({
    name: 'Secure Lock Server',
    links: { api: '/swagger' },
  })
})

test('a style that is still the same is not sent again', async () => {
  await using app = await startApp()
  const etag = (await app.get('/page.css')).headers.get('etag') ?? ''
  expect((await app.get('/page.css', { 'if-none-match': etag })).status).toBe(304)
  expect((await app.get('/page.css', { 'if-none-match': '"older"' })).status).toBe(200)
})
