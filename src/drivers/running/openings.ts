import { type LockReason, NO_ACCOUNT, type NewReport } from '../../domain/access.ts'
import { denialShare } from '../../domain/limits/denial-share.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Database } from '../../storage/database.ts'
import { DEADLINE_MS } from '../operating/asking-store.ts'
import type { LockOperations } from '../operating/service.ts'
import type { Turn } from '../observation.ts'
import { type Setup, setupsIn } from '../setup/store.ts'
import { slotsIn } from '../slots/store.ts'

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly operations: Pick<LockOperations, 'askedBetween' | 'happened'>
  /** Adds a leaf to the unlock log; resolves after COMMIT. */
  readonly report: (report: NewReport) => Promise<unknown>
  /** Returns the name of an account, or undefined if there is none. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
}

/** An opening by radio up to this long after our command is attributed to it: some locks write their log late. */
const OURS_MS = DEADLINE_MS + 30_000

/** How far the clock of a lock may be behind ours. */
const BEHIND_MS = 10_000

/** The most refusals per day that a lock may report, besides those with a number in its own log. */
const REFUSALS_A_DAY = 1000

const ANY = 'unknown'

/** Turns what a lock reports about people into events. */
export const openings = (
  { lockId, label, kind, sinceEntry: since }: Setup,
  { db, clock, operations, report, nameOf }: Dependencies,
) => {
  const setups = setupsIn(db)
  const slots = slotsIn(db)
  const refusals = denialShare(REFUSALS_A_DAY)
  let sinceEntry = since

  const isKnown = async (entry: number | null): Promise<boolean> =>
    entry !== null &&
    (entry <= (sinceEntry ?? Infinity) || (await setups.isReported(lockId, String(entry))))

  const personOf = async ({ slot, atMs }: Turn) => {
    const found = slot === null ? undefined : await slots.at(lockId, slot, atMs)
    const username = found && (await nameOf(found.accountPublicId))
    return found && username !== undefined
      ? { accountPublicId: found.accountPublicId, username }
      : NOBODY
  }

  const add = async (turn: Turn, result: NewReport['result'], reason: LockReason | null) => {
    await report({
      lock: label,
      result,
      reason,
      ...(await personOf(turn)),
      method: turn.method ?? ANY,
      occurredAtMs: turn.occurredAtMs,
      reporter: kind,
      entry: turn.entry === null ? undefined : String(turn.entry),
    })
  }

  /** Returns true if an opening is the result of our own command, which then counts as happened. */
  const wasOurs = async (turn: Turn): Promise<boolean> => {
    const from = turn.atMs - OURS_MS
    const asked = await operations.askedBetween(from, turn.atMs + BEHIND_MS)
    if (!asked) return false
    await operations.happened(asked)
    if (turn.entry !== null) await setups.markReported(lockId, String(turn.entry), asked.seq)
    return true
  }

  return {
    /** Handles the newest entry of the lock's own log. Entries older than the driver do not become events. */
    begin: async (newest: number, isLive: boolean): Promise<void> => {
      if (sinceEntry !== null) return
      sinceEntry = isLive ? newest - 1 : newest
      await setups.begin(lockId, sinceEntry)
    },

    opened: async (turn: Turn): Promise<void> => {
      if (await isKnown(turn.entry)) return
      const isNamed = (await personOf(turn)) !== NOBODY
      if (!isNamed && mayBeOurs(turn) && (await wasOurs(turn))) return
      await add(turn, 'unlocked', null)
    },

    refused: async (turn: Turn, reason: LockReason): Promise<void> => {
      if (await isKnown(turn.entry)) return
      const isCounted = turn.entry !== null
      if (!isCounted && !refusals.takes(`${turn.slot} ${reason}`, clock.monotonicMs())) return
      await add(turn, 'denied', reason)
    },
  }
}

const NOBODY = { accountPublicId: NO_ACCOUNT, username: '' } as const

/** The method of the gateway's own commands. */
export const mayBeOurs = ({ method }: Pick<Turn, 'method'>): boolean =>
  method === 'app' || method === null
