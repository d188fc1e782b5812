import { NO_PREVIOUS } from '../../domain/statement/statement.ts'

/** A report as a link of its controller's chain. */
export type Link = {
  readonly counter: number
  /** SHA-256 of the payload of the report before, as this one says. */
  readonly previous: Uint8Array
  /** SHA-256 of its own payload. */
  readonly hash: Uint8Array
}

/** What is stored near a report. */
export type Around = {
  /** The highest counter; 0 without reports. */
  readonly newest: number
  /** The hash of the report with the same counter, and of the one before it. */
  readonly same: Uint8Array | undefined
  readonly before: Uint8Array | undefined
  /** The hash that the report after it names as that of the one before. */
  readonly namedAfter: Uint8Array | undefined
}

/** How a report fits the chain: it follows the newest one; it leaves a gap before it; it fills part of a gap; it is
 * stored already; or it shows that the chain has two branches, so that somebody has a copy of the key. */
export type Verdict = 'next' | 'ahead' | 'late' | 'repeat' | 'forked'

export const verdictOn = ({ counter, previous, hash }: Link, around: Around): Verdict => {
  const { newest, same, before, namedAfter } = around
  if (same) return isSame(same, hash) ? 'repeat' : 'forked'
  if (counter === 1 && !isSame(previous, NO_PREVIOUS)) return 'forked'
  if (before && !isSame(previous, before)) return 'forked'
  if (namedAfter && !isSame(namedAfter, hash)) return 'forked'
  if (counter === newest + 1) return 'next'
  return counter > newest ? 'ahead' : 'late'
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Bun.deepEquals(one, other)

/** A run of counters, both ends included. */
export type Run = readonly [first: number, last: number]

/** Returns the runs of counters of a gap that are still missing, given those that came since, in ascending order. */
export const missingIn = ([first, last]: Run, came: readonly number[]): readonly Run[] => {
  const runs: Run[] = []
  let from = first
  for (const counter of [...came, last + 1]) {
    if (counter > from) runs.push([from, counter - 1])
    from = counter + 1
  }
  return runs
}
