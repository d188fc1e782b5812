import { expect, test } from 'bun:test'
import { decisionKind } from '../../../src/locks/decisions/kind.ts'
import { openDatabase } from '../../../src/storage/open.ts'
import { attemptOf, idOf, insertGrant, insertLock, insertPerson } from '../../support/access.ts'
import { weekly } from '../../support/grants.ts'

type Ran = { readonly sql: string; readonly params: readonly never[] }

/** Decides once in a home with that many grants, and returns the statements that it ran. */
const decidedAmong = async ({ locks, grants }: { locks: number; grants: number }) => {
  const db = openDatabase(':memory:')
  await insertPerson(db, 'ada')
  await db.transaction(async (tx) => {
    for (let number = 0; number < locks; number += 1) await insertLock(tx, `lock-${number}`)
    const terms = { ...weekly('mon 08:00-18:00'), holidays: 'closed' } as const
    for (let number = 0; number < grants; number += 1) {
      const holder = number % 2 === 0 ? `account:${idOf('ada')}` : `account:${number}`
      // Most of them are over.
      const endsAtMs = number % 10 === 0 ? null : number
      await insertGrant(tx, { holder, locks: [`lock-lock-${number % locks}`], endsAtMs, terms })
    }
  })
  const ran: Ran[] = []
  const kind = decisionKind({ zone: () => 'Europe/Berlin' })
  await db.transaction(async (tx) => {
    const remembering =
      (how: 'all' | 'run') =>
      (sql: string, ...params: never[]) => {
        ran.push({ sql, params })
        return tx[how](sql, ...params)
      }
    const seen = { ...tx, all: remembering('all'), run: remembering('run') } as never
    const attempt = attemptOf({ lock: 'lock-0' })
    const state = await kind.load(seen, [attempt])
    expect(kind.plan(attempt, state, 0).answer).toMatchObject({
      attempt: { decision: 'permitted' },
    })
    expect(await kind.store(seen, state)).toBe(true)
  })
  const plans: string[] = []
  for (const { sql, params } of ran) {
    const steps = await db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params)
    plans.push(...steps.map(({ detail }) => detail))
  }
  await db.close()
  return { statements: ran.map(({ sql }) => sql), plans }
}

test('with SQLite, a decision among 10,000 grants and 1,000 locks runs the statements of one among 10, all by an index', async () => {
  const small = await decidedAmong({ locks: 1, grants: 10 })
  const large = await decidedAmong({ locks: 1000, grants: 10_000 })
  expect(large.statements).toStrictEqual(small.statements)
  expect(large.plans).toStrictEqual(small.plans)
  const scans = large.plans.filter((step) => step.startsWith('SCAN'))
  expect(scans.filter((step) => !step.includes('VIRTUAL TABLE'))).toStrictEqual([])
  expect(large.plans).toContain(
    'SEARCH opened USING PRIMARY KEY (lock_id=? AND holder=? AND closed_at_ms>?)',
  )
  expect(large.statements.length).toBeLessThanOrEqual(6)
})
