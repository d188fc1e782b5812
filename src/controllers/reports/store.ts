import type { GuestFacts } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'
import { type Run, missingIn } from './chain.ts'

/** Who asked for an attempt. */
export type Asker = {
  readonly lockId: string
  readonly isPermitted: boolean
  readonly decidedAtMs: number
  readonly accountPublicId: string
  /** Undefined if the account is gone. */
  readonly username: string | undefined
  readonly guest: GuestFacts | undefined
}

type AskerRow = {
  lock_id: string
  decision: string
  decided_at_ms: number
  account_public_id: string
  username: string | null
  pass_id: string | null
  label: string | null
  device_id: string | null
  counter: number | null
}

/** How many of a controller's newest reports are read for what it said about recent attempts. */
const NEWEST_MAX = 200

/** How many of the newest decisions are searched for an attempt: a controller may name many attempts that never were, and
 * doors wait meanwhile. */
const DECISIONS_SEARCHED = 1000

/** The most runs that are asked for at a time. */
const RUNS_MAX = 20

/** Reports of controllers, in a transaction or on a read connection. */
export const reportsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => {
  const openGaps = async (controllerId: string): Promise<readonly Run[]> => {
    const rows = await queries.all<{ first: number; last: number }>(
      `SELECT first, last
       FROM controller_gap
       WHERE controller_id = ? AND filled_at_ms IS NULL
       ORDER BY first
       LIMIT ${RUNS_MAX}`,
      controllerId,
    )
    return rows.map(({ first, last }) => [first, last] as const)
  }

  const cameIn = async (controllerId: string, [first, last]: Run): Promise<readonly number[]> => {
    const rows = await queries.all<{ counter: number }>(
      `SELECT counter
       FROM controller_report
       WHERE controller_id = ? AND counter BETWEEN ? AND ?
       ORDER BY counter`,
      controllerId,
      first,
      last,
    )
    return rows.map(({ counter }) => counter)
  }

  return {
    /** Returns the reports with these counters. */
    at: async (controllerId: string, counters: readonly number[]) =>
      queries.all<{ counter: number; payload_hash: Uint8Array; statement: Uint8Array | null }>(
        `SELECT counter, payload_hash, statement
         FROM controller_report
         WHERE controller_id = ? AND counter IN (SELECT CAST(value AS bigint) FROM json_each(?))`,
        controllerId,
        JSON.stringify(counters),
      ),

    /** Returns the highest counter; 0 without reports. */
    newest: async (controllerId: string): Promise<number> => {
      const row = await queries.get<{ counter: number }>(
        `SELECT counter
         FROM controller_report
         WHERE controller_id = ?
         ORDER BY counter DESC
         LIMIT 1`,
        controllerId,
      )
      return row?.counter ?? 0
    },

    /** Returns the newest reports of a controller that were received since a time. */
    since: async (controllerId: string, sinceMs: number): Promise<readonly Uint8Array[]> => {
      const rows = await queries.all<{ statement: Uint8Array }>(
        `SELECT statement
         FROM controller_report
         WHERE controller_id = ?
           AND counter > (SELECT max(counter) FROM controller_report WHERE controller_id = ?) - ${NEWEST_MAX}
           AND received_at_ms >= ?
           AND statement IS NOT NULL`,
        controllerId,
        controllerId,
        sinceMs,
      )
      return rows.map(({ statement }) => new Uint8Array(statement))
    },

    add: async (
      controllerId: string,
      report: { counter: number; hash: Uint8Array; statement: Uint8Array; atMs: number },
    ): Promise<void> => {
      await queries.run(
        `INSERT INTO controller_report (
          controller_id,
          counter,
          payload_hash,
          statement,
          received_at_ms
        )
        VALUES (?, ?, ?, ?, ?)`,
        controllerId,
        report.counter,
        report.hash,
        report.statement,
        report.atMs,
      )
    },

    addGap: async (controllerId: string, [first, last]: Run, nowMs: number): Promise<void> => {
      await queries.run(
        'INSERT INTO controller_gap (controller_id, first, last, found_at_ms) VALUES (?, ?, ?, ?)',
        controllerId,
        first,
        last,
        nowMs,
      )
    },

    /** Returns the runs of counters that are missing, lowest first. */
    missing: async (controllerId: string): Promise<readonly Run[]> => {
      const runs: Run[] = []
      for (const gap of await openGaps(controllerId)) {
        runs.push(...missingIn(gap, await cameIn(controllerId, gap)))
        if (runs.length >= RUNS_MAX) break
      }
      return runs.slice(0, RUNS_MAX)
    },

    /** Marks the gap of a counter as filled if none of its reports is missing now, and returns it. */
    fillGap: async (
      controllerId: string,
      counter: number,
      nowMs: number,
    ): Promise<Run | undefined> => {
      const row = await queries.get<{ first: number; last: number }>(
        `SELECT first, last
         FROM controller_gap
         WHERE controller_id = ? AND first <= ? AND last >= ? AND filled_at_ms IS NULL`,
        controllerId,
        counter,
        counter,
      )
      if (!row) return undefined
      const gap: Run = [row.first, row.last]
      // Counted, because a copied controller may fill a gap of a whole day one by one.
      const known = await queries.get<{ came: number }>(
        `SELECT count(*) AS came
         FROM controller_report
         WHERE controller_id = ? AND counter BETWEEN ? AND ?`,
        controllerId,
        row.first,
        row.last,
      )
      if ((known?.came ?? 0) <= row.last - row.first) return undefined
      await queries.run(
        'UPDATE controller_gap SET filled_at_ms = ? WHERE controller_id = ? AND first = ?',
        nowMs,
        controllerId,
        row.first,
      )
      return gap
    },

    /** Returns true if the log says that an attempt at a lock was permitted. That is all that is left of an attempt once
     * the person is erased. Searches only the newest decisions, because attempts have no index. */
    wasPermitted: async (attemptId: string, lock: string): Promise<boolean> =>
      (await queries.get(
        `SELECT 1
        FROM (
          SELECT seq, attempt_id FROM unlock_decision ORDER BY seq DESC LIMIT ${DECISIONS_SEARCHED}
        ) AS decision
        JOIN unlock_event ON unlock_event.seq = decision.seq
        WHERE decision.attempt_id = ? AND unlock_event.lock = ? AND unlock_event.result = 'permitted'`,
        attemptId,
        lock,
      )) !== undefined,

    /** Returns who asked for an attempt, or undefined if there is no such attempt. */
    askerOf: async (attemptId: string): Promise<Asker | undefined> => {
      const row = await queries.get<AskerRow>(
        `SELECT
          attempt.lock_id,
          attempt.decision,
          attempt.decided_at_ms,
          attempt.account_public_id,
          account.username,
          attempt.pass_id,
          pass.label,
          unlock_guest.device_id,
          unlock_guest.counter
        FROM attempt
        LEFT JOIN account ON account.public_id = attempt.account_public_id
        LEFT JOIN pass ON pass.id = attempt.pass_id
        LEFT JOIN unlock_guest ON unlock_guest.seq = attempt.seq
        WHERE attempt.id = ?`,
        attemptId,
      )
      if (!row) return undefined
      const { pass_id: passId, device_id: deviceId, counter } = row
      return {
        lockId: row.lock_id,
        isPermitted: row.decision === 'permitted',
        decidedAtMs: row.decided_at_ms,
        accountPublicId: row.account_public_id,
        username: (passId === null ? row.username : row.label) ?? undefined,
        guest: passId === null ? undefined : { passId, deviceId, counter },
      }
    },
  }
}
