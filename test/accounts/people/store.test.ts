import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { accountDirectory } from '../../../src/accounts/people/store.ts'
import type { Role } from '../../../src/domain/account.ts'
import { openTestDatabase } from '../../support/postgres.ts'
import { type TestApp, bearer, startApp } from '../../support/app.ts'
import { household } from '../../support/household.ts'

type Page = { people: { username: string; role: Role; disabled: boolean }[]; next: string | null }

const list = async (app: TestApp, token: string, query = '') =>
  (await (await app.get(`/v1/people${query}`, bearer(token))).json()) as Page

const namesOf = ({ people }: Page) => people.map(({ username }) => username)

describe('listing accounts', () => {
  test('filters by text, role and disabled', async () => {
    await using app = await startApp()
    const person = await household(app, {
      oli: 'owner',
      amy: 'admin',
      mia: 'member',
      max: 'member',
    })
    const { token } = person('amy')
    const contact = { phone: '0700_900', email: 'Mia%1@example.org' }
    await app.patch('/v1/me', contact, bearer(person('mia').token))
    await app.patch(`/v1/people/${person('max').id}`, { disabled: true }, bearer(token))
    const found = async (query: string) => namesOf(await list(app, token, query))
    expect(await found('')).toStrictEqual(['max', 'mia', 'amy', 'oli'])
    expect(await found('?order=oldest')).toStrictEqual(['oli', 'amy', 'mia', 'max'])
    expect(await found('?role=member')).toStrictEqual(['max', 'mia'])
    expect(await found('?disabled=true')).toStrictEqual(['max'])
    expect(await found('?disabled=false&role=member')).toStrictEqual(['mia'])
    expect(await found('?text=M')).toStrictEqual(['max', 'mia', 'amy'])
    expect(await found('?text=0_9')).toStrictEqual(['mia'])
    expect(await found('?text=a%251@EXAMPLE')).toStrictEqual(['mia'])
    expect(await found('?text=%25')).toStrictEqual(['mia'])
    for (const query of ['?role=king', '?disabled=1', '?limit=201', '?cursor=canary', '?name=x'])
      expect((await app.get(`/v1/people${query}`, bearer(token))).status).toBe(400)
  })

  test('a search ignores case and composition', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', 'Thị Ánh': 'member', Θωμάς: 'member' })
    const { token } = person('amy')
    const found = async (text: string) =>
      namesOf(await list(app, token, `?text=${encodeURIComponent(text)}`))
    for (const text of ['ánh', 'ÁNH'.normalize('NFD'), ' thị á'])
      expect(await found(text)).toStrictEqual(['Thị Ánh'])
    expect(await found('ΘΩΜΆΣ')).toStrictEqual(['Θωμάς'])
    expect(await found('anh')).toStrictEqual([])
    await app.patch('/v1/me', { email: 'THOMAS@straße.example' }, bearer(person('Θωμάς').token))
    expect(await found('thomas@STRASSE')).toStrictEqual(['Θωμάς'])
  })

  test('is paged, with a Link to the next page and a cursor that is valid only for its filter', async () => {
    await using app = await startApp()
    const person = await household(app, { amy: 'admin', mia: 'member', max: 'member' })
    const { token } = person('amy')
    const first = await app.get('/v1/people?limit=2', bearer(token))
    const { next } = (await first.json()) as Page
    const link = /^<(?<path>.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.groups?.[
      'path'
    ]
    expect(link).toBe(`/v1/people?limit=2&cursor=${next}`)
    const second = await app.get(link ?? '', bearer(token))
    const page = (await second.json()) as Page
    expect([namesOf(page), page.next, second.headers.get('link')]).toStrictEqual([
      ['amy'],
      null,
      null,
    ])
    const foreign = await app.get(`/v1/people?text=a&cursor=${next}`, bearer(token))
    expect(foreign.status).toBe(400)
  })

  test('returns every account exactly once, for every page size, order, filter and gap', async () => {
    const db = await openTestDatabase()
    const ids = Array.from({ length: 60 }, (_, index) => index * index * 13 + 1)
    for (const id of ids)
      await db.run(
        `INSERT INTO account (id, public_id, username, username_key, password_hash, role, phone,
           address, created_at_ms, disabled_at_ms) VALUES (?, ?, ?, ?, '', ?, '', '', 0, ?)`,
        id,
        `id-${id}`,
        `name-${id}`,
        `name-${id}`,
        id % 3 === 0 ? 'admin' : 'member',
        id % 2 === 0 ? 1 : null,
      )
    const { page } = accountDirectory(db, { certainMs: () => 0, nonDecreasingMs: () => 0 })
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          limit: fc.integer({ min: 1, max: 70 }),
          order: fc.constantFrom('newest', 'oldest'),
          role: fc.constantFrom(undefined, 'admin', 'member'),
          isDisabled: fc.constantFrom(undefined, true, false),
        }),
        async ({ limit, order, ...filter }) => {
          const found: number[] = []
          let after: number | undefined
          do {
            const { accounts, next } = await page({ filter, order, after, limit })
            expect(accounts.length).toBeLessThanOrEqual(limit)
            found.push(...accounts.map(({ id }) => id))
            after = next
          } while (after !== undefined)
          const wanted = ids.filter(
            (id) =>
              (filter.role === undefined || filter.role === (id % 3 === 0 ? 'admin' : 'member')) &&
              (filter.isDisabled === undefined || filter.isDisabled === (id % 2 === 0)),
          )
          expect(found).toStrictEqual(order === 'oldest' ? wanted : wanted.toReversed())
        },
      ),
    )
    await db.close()
  })
})
