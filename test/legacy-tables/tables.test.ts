import { describe, expect, test } from 'bun:test'
import { homeDatabase } from '../support/home-database.ts'
import { unlockTable } from '../../src/legacy-tables/tables.ts'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, basic, bearer, clientOf, startApp } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import { decidedLog } from '../support/decided-log.ts'
import { claimed } from '../support/unlock-log.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

const HTML = { accept: 'text/html,application/xhtml+xml' }

describe('the tables', () => {
  test('an empty table is {} and a page that says so', async () => {
    await using app = await startApp({ DEBUG: 'true', HOST: '127.0.0.1' })
    expect(await (await app.get('/getLogs')).json()).toStrictEqual({})
    expect(await (await app.get('/getLogs', HTML)).text()).toContain('Nothing yet.')
  })

  test('an unlock is shown with the name as it was, counted from 1', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada', 'admin')
    for (const method of ['fingerprint', 'pin'])
      await app.post('/logUnlocking', { 'unlocking-method': method }, bearer(ada))
    const date_time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
    const expected = {
      1: { id: 1, username: 'ada', unlocking_method: 'fingerprint', date_time },
      2: { id: 2, username: 'ada', unlocking_method: 'pin', date_time },
    }
    for (const call of [
      app.get('/getLogs', bearer(ada)),
      app.post('/getLogs', {}, { ...bearer(ada), ...HTML }),
    ])
      expect(await (await call).json()).toEqual(expected)
    const page = await app.get('/getLogs', { ...bearer(ada), ...HTML })
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const html = await page.text()
    for (const heading of ['ID', 'Username', 'Unlocking Method', 'Unlocking Date/Time'])
      expect(html).toContain(`<th scope="col">${heading}</th>`)
    expect(html).toContain('<td>fingerprint</td>')
  })

  test('a permission and a record are skipped, and the ids stay those of the log', async () => {
    await using log = await decidedLog()
    await log.unlockLog.append([claimed(0)])
    await log.decide('ada')
    await log.db.transaction(async (tx) =>
      log.unlockLog.recordIn(tx).add({
        kind: 'zone.changed',
        subject: 'home',
        by: null,
        about: null,
        body: { zone: 'Europe/Berlin' },
      }),
    )
    await log.decide('eve')
    await log.unlockLog.append([claimed(1)])
    const { rows } = await unlockTable(log.store.page).page(0, 99)
    expect(rows.map(({ id }) => id)).toStrictEqual([1, 4, 5])
  })

  test('[G12] what a page says of an unlock cannot be imitated by a method, nor its direction turned', async () => {
    await using app = await startApp()
    const ada = await app.signIn('ada')
    const own = bearer(await app.signIn('own', 'owner'))
    const methods = [
      'fingerprint (denied)',
      '(erased)',
      '<em class="mark">(denied)</em>',
      '\u202enip',
      'pin\u2028x',
    ]
    for (const method of methods)
      await app.post('/logUnlocking', { 'unlocking-method': method }, bearer(ada))
    const denied = { method: 'pin', result: 'denied', reason: 'disabled_user_denied' }
    await app.post('/v1/unlocks', denied, bearer(ada))
    const html = await (await app.get('/getLogs', { ...own, ...HTML })).text()
    const cells = [...html.matchAll(/<td>ada<\/td><td>(.*)<\/td><td><time/g)].map(
      ([, cell]) => cell,
    )
    expect(cells).toStrictEqual([
      'fingerprint (denied)',
      '(erased)',
      '&lt;em class=&quot;mark&quot;&gt;(denied)&lt;/em&gt;',
      '\\u202enip',
      'pin\\u2028x',
      'pin <em class="mark">(denied)</em>',
    ])
    // The app gets the text as it was.
    const logs = (await (await app.get('/getLogs', own)).json()) as Record<
      string,
      { unlocking_method: string }
    >
    expect(Object.values(logs).map((log) => log.unlocking_method)).toStrictEqual([
      ...methods,
      'pin (denied)',
    ])
    const { id } = (await (await app.get('/v1/me', bearer(ada))).json()) as { id: string }
    await app.unlocks.eraseAccount(id)
    const erased = await (await app.get('/getLogs', { ...own, ...HTML })).text()
    expect(erased).toContain(
      '<td><em class="mark">(erased)</em></td><td><em class="mark">(erased)</em> <em class="mark">(denied)</em></td>',
    )
    expect(await (await app.get('/getLogs', own)).json()).toMatchObject({
      6: { username: '(erased)', unlocking_method: '(erased) (denied)' },
    })
  })

  test('accounts are shown without their passwords', async () => {
    await using app = await startApp()
    await app.post('/register', {
      username: 'bob',
      password: PASSWORD,
      phone: '1',
      address: 'x',
      email: 'b@x',
    })
    const owner = bearer(await app.signIn('own', 'owner'))
    const users = (await (await app.get('/getUsers', owner)).json()) as Record<string, object>
    expect(users['1']).toMatchObject({
      id: 1,
      username: 'bob',
      phone: '1',
      address: 'x',
      email: 'b@x',
      role: 'member',
    })
    const html = await (await app.get('/getUsers', { ...owner, ...HTML })).text()
    for (const heading of ['ID', 'Public ID', 'Username', 'Phone', 'Address', 'Email', 'Role'])
      expect(html).toContain(`<th scope="col">${heading}</th>`)
    expect(html).not.toContain('argon2')
  })

  test('[I4] text of people is text on the page', async () => {
    await using app = await startApp({ DEBUG: 'true', HOST: '127.0.0.1' })
    const hostile = `<script>alert(1)</script>"'&`
    await app.post('/register', {
      username: hostile,
      password: PASSWORD,
      phone: '<b>',
      address: '</td>',
    })
    const html = await (await app.get('/getUsers', HTML)).text()
    expect(html).not.toContain('<script>alert')
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;')
    expect(html.match(/<td>/g)).toHaveLength(7)
  })

  test('hundreds of thousands of rows stream without growing the process', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { folder, url, pid } = service
    await addAccount('own', { role: 'owner', folder })
    await using db = await homeDatabase(folder)
    const rows = IS_POSTGRES ? 100_000 : 300_000
    // In parts, because a server cancels a statement that takes too long.
    for (let first = 0; first < rows; first += 10_000)
      await db.run(
        `WITH RECURSIVE n (seq) AS (
             SELECT CAST(?2 AS bigint) UNION ALL SELECT seq + 1 FROM n WHERE seq < ?2 + 9999
           )
           INSERT INTO unlock_event (seq, id, username, method, salt, person_hash, lock, result, source,
             received_at_ms, happened_at_ms, is_late, is_time_uncertain, leaf_hash)
           SELECT seq, CAST(seq AS text), 'ada', 'pin ' || seq, ?1, ?1, 'front-door', 'unlocked',
             'claimed', 1700000000000 + seq, 1700000000000 + seq, 0, 0, ?1 FROM n`,
        Uint8Array.of(0),
        first,
      )
    const residentMb = async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await Bun.file(`/proc/${pid}/status`).text())?.[1]) / 1024
    const read = async () => {
      const answer = await clientOf(url).get('/getLogs', basic('own', PASSWORD))
      let [bytes, peakMb, tail] = [0, 0, '']
      for await (const chunk of answer.body ?? []) {
        bytes += chunk.byteLength
        tail = (tail + new TextDecoder().decode(chunk)).slice(-120)
        if (bytes % 7 === 0) peakMb = Math.max(peakMb, await residentMb())
      }
      return { bytes, peakMb, tail }
    }
    const before = await residentMb()
    const { bytes, peakMb, tail } = await read()
    const last = new Date(1_700_000_000_000 + rows - 1).toISOString()
    expect(tail).toEndWith(
      `"${rows}":{"id":${rows},"username":"ada","unlocking_method":"pin ${rows - 1}","date_time":"${last}"}}`,
    )
    expect(bytes).toBeGreaterThan(93 * rows)
    expect(Math.max(peakMb, await residentMb()) - before).toBeLessThan(120)
  })
})
