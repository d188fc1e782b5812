import type { Queries } from '../../storage/database.ts'

/** A slot: the person that a lock's code, finger, card or phone belongs to, from when to when. */
export type Slot = {
  readonly slot: string
  readonly accountPublicId: string
  readonly validFromMs: number
  /** Null for no end. */
  readonly validToMs: number | null
}

type SlotRow = {
  slot: string
  account_public_id: string
  valid_from_ms: number
  valid_to_ms: number | null
}

const slotOf = (row: SlotRow): Slot => ({
  slot: row.slot,
  accountPublicId: row.account_public_id,
  validFromMs: row.valid_from_ms,
  validToMs: row.valid_to_ms,
})

const COLUMNS = 'slot, account_public_id, valid_from_ms, valid_to_ms'

/** The slots of locks. The times of one slot never overlap. */
export const slotsIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns the slots of a lock, oldest first. */
  of: async (lockId: string): Promise<readonly Slot[]> =>
    (
      await queries.all<SlotRow>(
        `SELECT ${COLUMNS} FROM lock_slot WHERE lock_id = ? ORDER BY slot, valid_from_ms`,
        lockId,
      )
    ).map(slotOf),

  /** Returns the slots of an account, with the labels of their locks. */
  ofAccount: async (
    accountPublicId: string,
  ): Promise<readonly (Slot & { readonly lock: string })[]> =>
    (
      await queries.all<SlotRow & { lock: string }>(
        `SELECT ${COLUMNS}, lock.label AS lock
         FROM lock_slot
         JOIN lock ON lock.id = lock_slot.lock_id
         WHERE account_public_id = ?
         ORDER BY lock.label, slot, valid_from_ms`,
        accountPublicId,
      )
    ).map((row) => ({ ...slotOf(row), lock: row.lock })),

  /** Returns the account that a slot belonged to at a time. */
  at: async (lockId: string, slot: string, timeMs: number): Promise<Slot | undefined> => {
    const row = await queries.get<SlotRow>(
      `SELECT ${COLUMNS}
       FROM lock_slot
       WHERE lock_id = ?
         AND slot = ?
         AND valid_from_ms <= ?
         AND (valid_to_ms IS NULL OR valid_to_ms > ?)`,
      lockId,
      slot,
      timeMs,
      timeMs,
    )
    return row && slotOf(row)
  },

  /** Ends the assignment of a slot at a time, and deletes later ones. Returns how many were changed. */
  endFrom: async (lockId: string, slot: string, timeMs: number): Promise<number> => {
    const removed = await queries.run(
      'DELETE FROM lock_slot WHERE lock_id = ? AND slot = ? AND valid_from_ms >= ?',
      lockId,
      slot,
      timeMs,
    )
    const ended = await queries.run(
      `UPDATE lock_slot
       SET valid_to_ms = ?
       WHERE lock_id = ? AND slot = ? AND (valid_to_ms IS NULL OR valid_to_ms > ?)`,
      timeMs,
      lockId,
      slot,
      timeMs,
    )
    return removed + ended
  },

  add: async (lockId: string, slot: Slot): Promise<void> => {
    await queries.run(
      `INSERT INTO lock_slot (lock_id, slot, valid_from_ms, valid_to_ms, account_public_id)
       VALUES (?, ?, ?, ?, ?)`,
      lockId,
      slot.slot,
      slot.validFromMs,
      slot.validToMs,
      slot.accountPublicId,
    )
  },

  /** Deletes the slots of an account. */
  eraseOf: async (accountPublicId: string): Promise<void> => {
    await queries.run('DELETE FROM lock_slot WHERE account_public_id = ?', accountPublicId)
  },
})
