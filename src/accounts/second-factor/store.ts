import type { Queries } from '../../storage/database.ts'

export type SecondFactorStore = ReturnType<typeof secondFactorStore>

/** A one-time code that was entered, and how to check it. */
export type Attempt = {
  readonly atMs: number
  /** Returns the time step of the code under a sealed secret, or undefined for a wrong code. */
  readonly stepOf: (sealed: Uint8Array) => number | undefined
  /** How long the next code is refused after this many wrong codes in a row. */
  readonly lockoutMs: (failures: number) => number
}

/** Whose second factor a request changes, and in which session. */
type Holder = { readonly accountId: number; readonly sessionId: string }

type Stored = {
  secret: Uint8Array
  confirmed_at_ms: number | null
  last_step: number
  failures: number
  failed_at_ms: number
}

/** Looks up second factors. */
export const secondFactorStore = (db: Queries) => ({
  /** Returns whether a second factor is on, or begun and not confirmed; undefined if there is none. */
  find: async (accountId: number): Promise<'on' | 'begun' | undefined> => {
    const row = await db.get<Pick<Stored, 'confirmed_at_ms'>>(
      'SELECT confirmed_at_ms FROM second_factor WHERE account_id = ?',
      accountId,
    )
    return row && stateOf(row)
  },

  countRecoveryCodes: async (accountId: number): Promise<number> => {
    const row = await db.get<{ codes: number }>(
      'SELECT count(*) AS codes FROM recovery_code WHERE account_id = ?',
      accountId,
    )
    return row?.codes ?? 0
  },

  /** Uses up a recovery code; false if there is no such code. */
  useRecoveryCode: async (accountId: number, hash: Buffer): Promise<boolean> => {
    const used = await db.run(
      'DELETE FROM recovery_code WHERE account_id = ? AND hash = ?',
      accountId,
      hash,
    )
    return used === 1
  },
})

/** Changes second factors, their secrets sealed, and recovery codes in a transaction. */
export const secondFactorsIn = (tx: Queries) => {
  const remove = async (accountId: number): Promise<boolean> => {
    await tx.run('DELETE FROM recovery_code WHERE account_id = ?', accountId)
    return (await tx.run('DELETE FROM second_factor WHERE account_id = ?', accountId)) === 1
  }

  const useStep = (accountId: number, state: 'on' | 'begun', attempt: Attempt): Promise<boolean> =>
    useStepOf(tx, accountId, { ...attempt, state })

  return {
    /** True if the session that makes a request still exists. */
    hasSession: async ({ sessionId, accountId }: Holder): Promise<boolean> =>
      (await tx.get(
        'SELECT 1 FROM session WHERE id = ? AND account_id = ?',
        sessionId,
        accountId,
      )) !== undefined,

    /** Stores a secret to be confirmed, replacing an unconfirmed one; false if the second factor is
     * on. */
    begin: async (accountId: number, sealed: Uint8Array): Promise<boolean> => {
      const stored = await tx.run(
        `INSERT INTO second_factor (
           account_id,
           secret,
           last_step,
           failures,
           failed_at_ms
         ) VALUES (?, ?, 0, 0, 0)
         ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, failures = 0
         WHERE second_factor.confirmed_at_ms IS NULL`,
        accountId,
        sealed,
      )
      return stored === 1
    },

    /** Turns on a second factor that was begun; false if the code is wrong. */
    confirm: async (accountId: number, attempt: Attempt): Promise<boolean> => {
      if (!(await useStep(accountId, 'begun', attempt))) return false
      await tx.run(
        'UPDATE second_factor SET confirmed_at_ms = ? WHERE account_id = ?',
        attempt.atMs,
        accountId,
      )
      return true
    },

    /** Uses up the time step of a code, and with it all earlier ones; false if the code is wrong, its
     * step was used before, or too many wrong codes came before it. */
    useStep: (accountId: number, attempt: Attempt): Promise<boolean> =>
      useStep(accountId, 'on', attempt),

    /** Replaces all recovery codes, given as SHA-256 hashes. */
    replaceRecoveryCodes: async (accountId: number, hashes: readonly Buffer[]): Promise<void> => {
      await tx.run('DELETE FROM recovery_code WHERE account_id = ?', accountId)
      for (const hash of hashes)
        await tx.run('INSERT INTO recovery_code (account_id, hash) VALUES (?, ?)', accountId, hash)
    },

    /** Turns the second factor off and deletes its recovery codes; false if there is none. */
    remove,
  }
}

const stateOf = (row: Pick<Stored, 'confirmed_at_ms'>) =>
  row.confirmed_at_ms === null ? 'begun' : 'on'

/** Checks a code and counts it in one transaction, so that simultaneous codes are all counted. */
const useStepOf = async (
  tx: Queries,
  accountId: number,
  { state, atMs, stepOf, lockoutMs }: Attempt & { readonly state: 'on' | 'begun' },
): Promise<boolean> => {
  const row = await tx.get<Stored>(
    `SELECT
       secret,
       confirmed_at_ms,
       last_step,
       failures,
       failed_at_ms
     FROM second_factor
     WHERE account_id = ?`,
    accountId,
  )
  if (!row || stateOf(row) !== state) return false
  const sinceMs = atMs - row.failed_at_ms
  // A clock that was set back must not make the lockout longer.
  if (sinceMs >= 0 && sinceMs < lockoutMs(row.failures)) return false
  const step = stepOf(row.secret)
  if (step === undefined || step <= row.last_step) {
    await tx.run(
      'UPDATE second_factor SET failures = failures + 1, failed_at_ms = ? WHERE account_id = ?',
      atMs,
      accountId,
    )
    return false
  }
  await tx.run(
    'UPDATE second_factor SET last_step = ?, failures = 0 WHERE account_id = ?',
    step,
    accountId,
  )
  return true
}
