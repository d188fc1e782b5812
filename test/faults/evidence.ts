import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { PASSWORD, clientOf } from '../support/app.ts'
import type { Outcomes } from './load.ts'

const ALL_ROUNDS = 200

/** Rounds of each fault: a tenth of them with `bun run test:faults`, all with `bun run test:long`. */
export const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? ALL_ROUNDS / 10)

/** The fraction of the long runs to run, including those that last minutes. */
export const SHARE = ROUNDS / ALL_ROUNDS

/** True with `bun run test:long`, which also runs what cannot be shortened. */
export const IS_LONG = SHARE >= 1

/** Logs in, after registering if necessary. */
export const signIn = async (url: string): Promise<string> => {
  const { post } = clientOf(url)
  const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
  const login = () => post('/login', person)
  let answer = await login()
  if (answer.status === 401) {
    await post('/register', person)
    answer = await login()
  }
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { access_token: string }).access_token
}

/** Compares what phones were answered with the events from `fromSeq` on; returns the size of the log. */
export const expectTruth = (databasePath: string, outcomes: Outcomes, fromSeq: number): number => {
  using db = new Database(databasePath, { readonly: true })
  const rows = db
    .query<{ seq: number; method: string }, [number]>(
      'SELECT seq, method FROM unlock_event WHERE seq >= ? ORDER BY seq',
    )
    .all(fromSeq)
  expect(rows.every(({ seq }, at) => seq === fromSeq + at)).toBe(true)
  const seqs = new Map(rows.map(({ method, seq }) => [method, seq]))
  const isIn = (method: string) => seqs.has(method)
  // As many events as methods, so none is there twice.
  expect(seqs.size).toBe(rows.length)
  const lost = [...outcomes.acknowledged].filter(
    ([method, seq]) => !isIn(method) || (seq !== undefined && seqs.get(method) !== seq),
  )
  expect(lost).toStrictEqual([])
  expect([...outcomes.refused].filter(isIn)).toStrictEqual([])
  const unknown = rows.filter(
    ({ method }) => !outcomes.acknowledged.has(method) && !outcomes.unanswered.has(method),
  )
  expect(unknown).toStrictEqual([])
  return fromSeq + rows.length
}

/** A line for people: the figures of a fault test. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`)

/** The median and maximum of some durations. */
export const spread = (values: readonly number[]): string => {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return `median ${middle.toFixed(0)} ms, longest ${(sorted.at(-1) ?? Number.NaN).toFixed(0)} ms`
}
