import { describe, expect, test } from 'bun:test'
import { HELP_PAGES } from '../../src/http/help-links.ts'
import { FILES, PAGES, anchorOf } from '../../src/manual/pages.ts'
import { startApp } from '../support/app.ts'
import { PAGES as FILES_OF_PAGES } from '../support/manual.ts'

const idsIn = (html: string): readonly string[] =>
  [...html.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)

describe('the manual of the running server', () => {
  test('has every page of src/manual, and its Markdown', async () => {
    await using app = await startApp()
    for (const file of FILES_OF_PAGES) {
      const name = file.replace(/^.*\//, '')
      const source = await app.get(`/manual/${name}`)
      expect(source.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
      expect(await source.text()).toBe(PAGES.get(name.replace('.md', ''))?.markdown ?? '')
    }
    const contents = await (await app.get('/manual')).text()
    for (const { name, title } of PAGES.values())
      expect(contents).toContain(`<a href="/manual/${name}"><strong>${title}</strong></a>`)
  })

  test('no link leads nowhere, within a page or to another one', async () => {
    await using app = await startApp()
    const ids = new Map<string, ReadonlySet<string>>([['/swagger', new Set()]])
    const links: (readonly [from: string, href: string])[] = []
    for (const path of ['/manual', ...[...PAGES.keys()].map((name) => `/manual/${name}`)]) {
      const answer = await app.get(path)
      expect([answer.status, answer.headers.get('content-type')]).toStrictEqual([
        200,
        'text/html; charset=utf-8',
      ])
      const html = await answer.text()
      expect(html).not.toMatch(/<!-- |\.md[#"]/)
      ids.set(path, new Set(idsIn(html)))
      for (const [, href = ''] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) links.push([path, href])
    }
    const lost = links.filter(([from, href]) => {
      if (/^https?:/.test(href) || href === '/console') return false
      const [path = '', anchor] = href.split('#')
      if (Object.hasOwn(FILES, path.replace('/manual/', ''))) return false
      const known = ids.get(path === '' ? from : path)
      return !known || (anchor !== undefined && !known.has(anchor))
    })
    expect(lost).toStrictEqual([])
    expect(links.length).toBeGreaterThan(500)
  })

  test('loads nothing from elsewhere and runs no script but its own', async () => {
    await using app = await startApp()
    const answer = await app.get('/manual/backups')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    const loaded = [
      ...(await answer.text()).matchAll(/<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"/g),
    ]
    expect(loaded.map(([, from]) => from)).toStrictEqual([
      'data:,',
      '/page.css',
      '/manual.css',
      '/manual.js',
    ])
    for (const path of ['/manual.css', '/manual.js', '/manual/lock_client.dart'])
      expect((await app.get(path)).status).toBe(200)
  })

  test('knows no other page', async () => {
    await using app = await startApp()
    for (const path of ['/manual/nothing', '/manual/..%2f..%2fREADME.md', '/manual/constructor']) {
      const answer = await app.get(path)
      expect([answer.status, await answer.json()]).toStrictEqual([404, { msg: 'Not found' }])
    }
  })

  test('answers a browser that asks for another page with a page that leads to the contents', async () => {
    await using app = await startApp()
    const answer = await app.get('/manual/nothing', { accept: 'text/html,*/*' })
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await answer.text()).toContain('<a href="/manual">The contents</a>')
  })
})

describe('errors with a page', () => {
  test('link to a page and a section that are there', () => {
    for (const target of Object.values(HELP_PAGES)) {
      const [name = '', anchor] = target.split('#')
      const headings = [...(PAGES.get(name)?.markdown ?? '').matchAll(/^#+ (.+)$/gm)]
      const anchors = headings.map(([, heading = '']) => anchorOf(heading))
      expect(anchors).toContain(anchor ?? anchors[0] ?? '')
    }
  })

  test('carry the link beside their body, which stays as it was', async () => {
    await using app = await startApp({ REGISTRATION: 'closed', RATE_LIMIT_AUTH: '1/minute' })
    const person = { username: 'ada', password: 'four brown doors', phone: '1', address: 'x' }
    const refused = await app.post('/register', person)
    expect(refused.headers.get('link')).toBe('</manual/accounts#who-may-register>; rel="help"')
    expect(await refused.json()).toStrictEqual({
      msg: 'Registration is closed',
      code: 'registration_closed',
    })
    const limited = await app.post('/register', person)
    expect(limited.headers.get('link')).toBe('</manual/api#errors>; rel="help"')
    expect(limited.headers.get('retry-after')).not.toBeNull()
    expect(await limited.json()).toStrictEqual({ error: 'ratelimit exceeded' })
  })

  test('and others have none', async () => {
    await using app = await startApp()
    expect((await app.get('/nothing')).headers.get('link')).toBeNull()
    expect((await app.get('/v1/me')).headers.get('link')).toBeNull()
  })
})
