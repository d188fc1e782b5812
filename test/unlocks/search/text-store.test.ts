import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { usernameKeyOf } from '../../../src/accounts/core/username.ts'
import { foldedText } from '../../../src/domain/text/folded-text.ts'
import type { Queries } from '../../../src/storage/database.ts'
import type { Params } from '../../../src/storage/queries.ts'
import { unlockQueries } from '../../../src/unlocks/query/store.ts'
import type { UnlockFilter } from '../../../src/unlocks/search/filter-store.ts'
import { type Planted, plantedLog } from '../../support/unlocks.ts'

const SRC = join(import.meta.dir, '../../../src')

const EVENTS = 30_000

/** Letters with special rules for case, composition, width or space. */
const LETTERS = [
  'a',
  'A',
  ' ',
  '  ',
  'e',
  '\u0301',
  '\u200b',
  '\ufe0f',
  'ß',
  'İ',
  'ı',
  'ﬁ',
  'Σ',
  '\u2800',
]

const one = (seq: number): Planted => ({
  account: `account-${seq % 50}`,
  username: `person-${seq % 50}`,
  method: ['pin', 'finger', 'card'][seq % 3] ?? 'pin',
  lock: 'front-door',
  result: 'unlocked',
  receivedAtMs: 1_767_225_600_000 + seq * 1000,
})

function* events(count: number, from = 0) {
  for (let seq = from; seq < from + count; seq += 1) yield one(seq)
}

/** A log in which a needle of each kind is very old. */
const haystack = async () => {
  const log = await plantedLog()
  await log.plant([
    { ...one(0), account: 'needle', username: 'Nadel Ö' },
    { ...one(1), method: 'Retina' },
    { ...one(2), lock: 'old-shed' },
    { ...one(3), account: '', username: 'Gast' },
  ])
  await log.plant(events(EVENTS, 4))
  await log.summarize()
  await log.plant(events(100, EVENTS + 4))
  let rows = 0
  const db: Queries = {
    ...log.db,
    all: async <Row>(sql: string, ...params: Params) => {
      const found = await log.db.all<Row>(sql, ...params)
      rows += found.length
      return found
    },
  }
  /** Returns the first page, and how many rows were read for it. */
  const search = async (filter: UnlockFilter, order: 'newest' | 'oldest' | 'seq' = 'newest') => {
    rows = 0
    const { unlocks, next } = await unlockQueries(db).page({ filter, order, limit: 50 })
    return { seqs: unlocks.map(({ seq }) => seq), hasNext: next !== undefined, rows }
  }
  return { search, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() }
}

/** The unlocks looked at before names are, the names themselves, and the unlocks not in the summary yet. */
const ROWS_MAX = 2000

describe('searching for a text', () => {
  test('finds what is very old in one page, without looking at the whole log', async () => {
    await using log = await haystack()
    for (const [text, seq] of [
      ['NADEL ö', 0],
      ['etina', 1],
      ['old shed', 2],
      ['gast', 3],
    ] as const) {
      const { seqs, hasNext, rows } = await log.search({ text })
      expect([text, seqs, hasNext]).toStrictEqual([text, [seq], false])
      expect(rows).toBeLessThan(ROWS_MAX)
      expect(await log.search({ text, lock: 'garage' })).toMatchObject({ seqs: [] })
    }
    const { seqs, rows } = await log.search({ text: 'person-7' })
    expect(seqs).toHaveLength(50)
    expect(seqs.every((seq) => seq % 50 === 7)).toBe(true)
    expect(rows).toBeLessThan(ROWS_MAX)
  })

  test('answers at once if nothing has it, in any order', async () => {
    await using log = await haystack()
    for (const order of ['newest', 'oldest', 'seq'] as const) {
      // People without an account may have any name, but few unlocks.
      const { seqs, hasNext, rows } = await log.search({ text: 'nonesuch' }, order)
      expect([seqs, hasNext]).toStrictEqual([[], false])
      expect(rows).toBeLessThan(ROWS_MAX)
    }
  })

  test('an account keeps its name: no statement changes one', async () => {
    const updates: string[] = []
    for await (const path of new Bun.Glob('**/*.ts').scan(SRC)) {
      const text = await Bun.file(join(SRC, path)).text()
      updates.push(...(text.match(/UPDATE account\s[^`']*/g) ?? []))
    }
    expect(updates.length).toBeGreaterThan(5)
    expect(updates.filter((sql) => /\busername\s*=/.test(sql))).toStrictEqual([])
  })

  test('spellings that are one name to log in with are one name in searches', () => {
    const letters = fc.constantFrom(...LETTERS)
    const names = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: letters }))
    fc.assert(
      fc.property(names, (name) => {
        expect(foldedText(usernameKeyOf(name))).toBe(foldedText(name))
      }),
      { numRuns: 5000 },
    )
  })
})
