import { expect, test } from 'bun:test'
import { startApp } from '../support/app.ts'

const BYTES_MAX = 30 * 1024

test('the page of a guest is one file under 30 KB that loads nothing, and runs only its own script', async () => {
  await using app = await startApp()
  const answer = await app.get('/guest')
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const html = await answer.text()
  expect(Buffer.byteLength(html)).toBeWithin(10_000, BYTES_MAX)
  expect(html).not.toMatch(/(?:src|href)="(?!data:)|@import|url\(|import\(/)
  expect(html).not.toMatch(/ on[a-z]+=| style=/)

  const policy = answer.headers.get('content-security-policy') ?? ''
  const hashOf = (tag: string) => {
    const [, text = ''] = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(html) ?? []
    return `'sha256-${new Bun.CryptoHasher('sha256').update(text).digest('base64')}'`
  }
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `script-src ${hashOf('script')}`,
    `style-src ${hashOf('style')}`,
    'img-src data:',
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ])
})

test('the page of a guest is the same for everyone, with or without a code', async () => {
  await using app = await startApp()
  const [first, second] = [await app.get('/guest'), await app.get('/guest?pass=secret')]
  expect(await first.text()).toBe(await second.text())
  const etag = first.headers.get('etag') ?? ''
  expect((await app.get('/guest', { 'if-none-match': etag })).status).toBe(304)
})
