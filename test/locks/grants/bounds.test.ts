import { expect, test } from 'bun:test'
import { homeWithLocks } from '../../support/home-with-locks.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'

type Home = Awaited<ReturnType<typeof homeWithLocks>>

/** Adds grants by hand, each of another holder unless one is given. */
const add = ({ db }: Home, count: number, columns: string, holder?: string) =>
  db.run(
    `INSERT INTO access_grant (id, holder, terms, version, created_at_ms, ends_at_ms, revoked_at_ms)
     SELECT value, ${holder === undefined ? "'account:' || value" : `'${holder}'`},
       '{"holidays":"ignore","home_network":false,"windows":null}', 1, 1, ${columns}
     FROM json_each(?)`,
    JSON.stringify(Array.from({ length: count }, () => crypto.randomUUID())),
  )

const outcome = async (made: ReturnType<Home['grant']>): Promise<string> => {
  const { status, body } = await made
  return status === 201 ? 'made' : `${status} ${body.code}`
}

const REQUEST = { holder: { role: 'member' }, locks: ['garage'] }

test('a home has room for 10,000 live grants, and those that ended or were revoked need none', async () => {
  await using home = await homeWithLocks()
  await add(home, 2000, '5, NULL')
  await add(home, 2000, 'NULL, 5')
  await add(home, 9999, 'NULL, NULL')
  expect(await outcome(home.grant(REQUEST))).toBe('made')
  const before = await home.db.get('SELECT count(*) AS count FROM access_grant')
  expect(await outcome(home.grant(REQUEST))).toBe('409 too_many_grants')
  expect(await home.preview(REQUEST)).toMatchObject({ status: 200 })
  expect(await home.db.get('SELECT count(*) AS count FROM access_grant')).toStrictEqual(before)
  const [newest] = (await home.grants('?limit=1&holder=role:member')).body.grants
  await home.revoke(newest?.id ?? '')
  expect(await outcome(home.grant(REQUEST))).toBe('made')
})

test('one holder has room for 200 live grants, and two at once do not exceed them', async () => {
  await using home = await homeWithLocks()
  const holder = home.holder('eva')
  await add(home, 150, 'NULL, 5', `account:${holder.account}`)
  await add(home, 199, 'NULL, NULL', `account:${holder.account}`)
  const outcomes = await Promise.all(
    ['oli', 'amy'].map((by) => outcome(home.grant({ ...REQUEST, holder }, by))),
  )
  expect(outcomes.toSorted()).toStrictEqual(['409 too_many_grants', 'made'])
  expect(await outcome(home.grant(REQUEST))).toBe('made')
})

test('a grant that has ended takes the room of another one when it gets a later end', async () => {
  await using home = await homeWithLocks()
  const holder = home.holder('eva')
  const { body } = await home.grant({ ...REQUEST, holder, ends_at: '2040-03-20T00:00' })
  await add(home, 200, 'NULL, NULL', `account:${holder.account}`)
  await home.later(2 * 86_400_000, 'oli')
  const later = { ends_at: '2040-04-20T00:00' }
  expect(await home.change(body.id, later, 1)).toMatchObject({
    status: 409,
    body: { code: 'too_many_grants' },
  })
  expect(await home.change(body.id, { uses: 9 }, 1)).toMatchObject({ status: 400 })
  const [other] = (await home.grants(`?limit=1&state=now&holder=account:${holder.account}`)).body
    .grants
  await home.revoke(other?.id ?? '')
  expect(await home.change(body.id, later, 1)).toMatchObject({ status: 200 })
})

test.skipIf(IS_POSTGRES)(
  'SQLite counts live grants from their index, however many have ended',
  async () => {
    await using home = await homeWithLocks()
    const plan = await home.db.all<{ detail: string }>(
      `EXPLAIN QUERY PLAN
     SELECT 1 FROM access_grant
     WHERE revoked_at_ms IS NULL AND coalesce(ends_at_ms, 9223372036854775807) > 5 LIMIT 9`,
    )
    expect(plan.map(({ detail }) => detail)).toStrictEqual([
      'SEARCH access_grant USING INDEX access_grant_by_end (<expr>>?)',
    ])
  },
)
