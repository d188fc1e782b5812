import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import {
  type Counters,
  LOCKOUT_KINDS,
  type Evaluation,
  type LockoutKind,
  NO_FAILURES,
} from './rules.ts'

export type FailedLoginStore = ReturnType<typeof failedLoginStore>

/** Who attempts to sign in, and to what; `subjects` and `clientHash` are keyed hashes. */
export type AttemptKeys = {
  readonly subjects: Readonly<Record<LockoutKind, Buffer>>
  readonly clientHash: Buffer
  readonly address: string
  readonly accountId: number | undefined
  /** The device has shown a token of the account, and so is known wherever it is. */
  readonly hasDeviceCookie: boolean
}

type Standing = { readonly counters: Counters; readonly isKnown: boolean; readonly atMs: number }

/** A counter that makes its subject wait. */
export type ActiveLockout = {
  readonly id: string
  readonly kind: LockoutKind
  readonly account: { readonly publicId: string; readonly username: string } | undefined
  readonly address: string | undefined
  readonly failures: number
  readonly failedAtMs: number
  readonly lockedUntilMs: number
}

/** Those that run, as far as they are listed, and how many there are. */
export type ActiveLockouts = { readonly total: number; readonly lockouts: readonly ActiveLockout[] }

type LockoutRow = {
  subject: Uint8Array
  kind: LockoutKind
  public_id: string | null
  username: string | null
  address: string | null
  failures: number
  failed_at_ms: number
  locked_until_ms: number
  total: number
}

/** Failures are forgotten so long after the last attempt. */
const COUNTED_MS = DAY_MS

/** Logins make a device known for so long. */
export const KNOWN_CLIENT_MS = 90 * DAY_MS

/** Within this time a further login from a known clientHash writes nothing. */
const RENEWED_MS = DAY_MS

/** Places at which an account is known. Each is good for ten guesses before it has to wait. */
const KNOWN_CLIENTS_MAX = 10

/** Attempts in line to be judged, each of which may cost a sync of the disk: what is not even a name and
 * password gets here without the work of a hash, as fast as anybody sends it. */
const QUEUED_ATTEMPTS_MAX = 100

/** Counters of each kind that are kept when they are swept. */
const COUNTERS_MAX = 20_000
const SWEEP_MS = MINUTE_MS
const SWEPT_MAX = 1_000_000

const LISTED_MAX = 100

/** Failed logins and known places in the database, by a clock that follows no jump of the day's. */
export const failedLoginStore = (db: Database, now: () => number, countersMax = COUNTERS_MAX) => {
  let sweptAtMs = Number.NEGATIVE_INFINITY

  /** Takes away what is forgotten and what is too much: of each kind the fewest failures first, so
   * that a flood of new counters does not wash a full one away. */
  const sweep = async (tx: Queries, atMs: number): Promise<void> => {
    if (atMs - sweptAtMs < SWEEP_MS) return
    sweptAtMs = atMs
    await tx.run('DELETE FROM failed_login WHERE failed_at_ms <= ?', atMs - COUNTED_MS)
    await tx.run('DELETE FROM known_client WHERE logged_in_at_ms <= ?', atMs - KNOWN_CLIENT_MS)
    for (const kind of LOCKOUT_KINDS)
      await tx.run(
        `DELETE FROM failed_login WHERE subject IN (
           SELECT subject
           FROM failed_login
           WHERE kind = ?
           ORDER BY failures DESC, failed_at_ms DESC
           LIMIT ? OFFSET ?
         )`,
        kind,
        SWEPT_MAX,
        countersMax,
      )
  }

  let lastAttempt: Promise<unknown> = Promise.resolve()
  let queued = 0

  const inSequence = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (queued >= QUEUED_ATTEMPTS_MAX) throw new AppError('unavailable', 'Server busy, try again')
    queued += 1
    const result = lastAttempt.then(work).finally(() => {
      queued -= 1
    })
    lastAttempt = result.catch(() => {})
    return result
  }

  return {
    /** Lets `decide` registerAttempt an attempt by what is counted so far, and keeps what comes of it. One is
     * judged after the other, so that guesses sent at once gain nothing over guesses sent in turn.
     * What passes writes nothing: it must not wait for a disk that is full or locked. Throws
     * `unavailable`, whatever would come of the attempt, where too many are in line already. */
    registerAttempt: (
      keys: AttemptKeys,
      decide: (standing: Standing) => Evaluation,
    ): Promise<Evaluation> =>
      inSequence(async () => {
        const atMs = now()
        const counters = await countersOf(db, keys, atMs)
        const isKnown =
          keys.hasDeviceCookie || (await knownSinceMs(db, keys)) > atMs - KNOWN_CLIENT_MS
        const evaluation = decide({ counters, isKnown, atMs })
        if (!evaluation.passes)
          await db.transaction(async (tx) => {
            await saveCounters(tx, { keys, counters: evaluation.after, atMs })
            await sweep(tx, atMs)
          })
        return evaluation
      }),

    /** Forgives the failures of a client at a name and of the name, and makes the clientHash known. */
    trustClient: async (accountId: number, keys: AttemptKeys): Promise<void> => {
      const atMs = now()
      const { name, client_at_name: clientAtName } = await countersOf(db, keys, atMs)
      const isNews = !keys.hasDeviceCookie && (await knownSinceMs(db, keys)) <= atMs - RENEWED_MS
      if (!isNews && name.failures + clientAtName.failures === 0) return
      await db.transaction(async (tx) => {
        const { subjects, clientHash } = keys
        await tx.run(
          'DELETE FROM failed_login WHERE subject IN (?, ?)',
          subjects.name,
          subjects.client_at_name,
        )
        if (isNews) await saveKnownClient(tx, { accountId, clientHash, atMs })
        await sweep(tx, atMs)
      })
    },

    /** The counters that make somebody wait now: those at accounts first, then the longest. */
    active: async (accountId?: number): Promise<ActiveLockouts> => {
      const rows = await db.all<LockoutRow>(
        `${ACTIVE_LOCKOUTS}
         WHERE failed_login.locked_until_ms > ?
           AND (? IS NULL OR failed_login.account_id = ?)
         ORDER BY account.id IS NULL, failed_login.locked_until_ms DESC, failed_login.subject
         LIMIT ?`,
        now(),
        accountId ?? null,
        accountId ?? null,
        LISTED_MAX,
      )
      return { total: rows[0]?.total ?? 0, lockouts: rows.map(lockoutOf) }
    },

    /** Forgets a counter that makes somebody wait, and gives what it was. */
    clear: async (
      id: string,
    ): Promise<Pick<ActiveLockout, 'kind' | 'account' | 'failures'> | undefined> =>
      db.transaction(async (tx) => {
        const subject = Buffer.from(id, 'hex')
        const row = await tx.get<LockoutRow>(
          `${ACTIVE_LOCKOUTS}
           WHERE failed_login.subject = ? AND failed_login.locked_until_ms > ?`,
          subject,
          now(),
        )
        if (!row) return undefined
        await tx.run('DELETE FROM failed_login WHERE subject = ?', subject)
        return lockoutOf(row)
      }),
  }
}

const ACTIVE_LOCKOUTS = `
  SELECT
    failed_login.subject,
    failed_login.kind,
    account.public_id,
    account.username,
    failed_login.address,
    failed_login.failures,
    failed_login.failed_at_ms,
    failed_login.locked_until_ms,
    count(*) OVER () AS total
  FROM failed_login
  LEFT JOIN account ON account.id = failed_login.account_id`

/** When a login last failed, by the clock of then; 0 where none is counted. */
export const newestFailureMs = async (db: Database): Promise<number> => {
  const newest = await db.get<{ ms: number | null }>(
    'SELECT max(failed_at_ms) AS ms FROM failed_login',
  )
  return newest?.ms ?? 0
}

const countersOf = async (
  db: Queries,
  { subjects }: AttemptKeys,
  atMs: number,
): Promise<Counters> => {
  const rows = await db.all<{
    kind: LockoutKind
    failures: number
    locked_until_ms: number | null
  }>(
    `SELECT kind, failures, locked_until_ms
     FROM failed_login
     WHERE subject IN (?, ?, ?) AND failed_at_ms > ?`,
    subjects.client,
    subjects.name,
    subjects.client_at_name,
    atMs - COUNTED_MS,
  )
  const counted = (kind: LockoutKind) => {
    const row = rows.find((one) => one.kind === kind)
    return row ? { failures: row.failures, lockedUntilMs: row.locked_until_ms } : NO_FAILURES
  }
  return {
    client: counted('client'),
    name: counted('name'),
    client_at_name: counted('client_at_name'),
  }
}

type SavedCounters = {
  readonly keys: AttemptKeys
  readonly counters: Counters
  readonly atMs: number
}

/** Writes all three, also those that did not change: what is refused takes the same time. The account
 * may be gone since its password was read. */
const saveCounters = async (
  tx: Queries,
  { keys, counters, atMs }: SavedCounters,
): Promise<void> => {
  for (const kind of LOCKOUT_KINDS)
    await tx.run(
      `INSERT INTO failed_login (
         subject,
         kind,
         account_id,
         address,
         failures,
         failed_at_ms,
         locked_until_ms
       ) VALUES (?, ?, (SELECT id FROM account WHERE id = ?), ?, ?, ?, ?)
       ON CONFLICT (subject) DO UPDATE SET
         account_id = excluded.account_id,
         address = excluded.address,
         failures = excluded.failures,
         failed_at_ms = excluded.failed_at_ms,
         locked_until_ms = excluded.locked_until_ms`,
      keys.subjects[kind],
      kind,
      kind === 'client' ? null : (keys.accountId ?? null),
      kind === 'name' ? null : keys.address,
      counters[kind].failures,
      atMs,
      counters[kind].lockedUntilMs,
    )
}

/** When the account last signed in from the clientHash, to the day. */
const knownSinceMs = async (
  db: Queries,
  { accountId, clientHash }: AttemptKeys,
): Promise<number> => {
  const known = await db.get<{ ms: number }>(
    'SELECT logged_in_at_ms AS ms FROM known_client WHERE account_id = ? AND hash = ?',
    accountId ?? null,
    clientHash,
  )
  return known?.ms ?? Number.NEGATIVE_INFINITY
}

type Known = { readonly accountId: number; readonly clientHash: Buffer; readonly atMs: number }

const saveKnownClient = async (
  tx: Queries,
  { accountId, clientHash, atMs }: Known,
): Promise<void> => {
  await tx.run(
    `INSERT INTO known_client (account_id, hash, logged_in_at_ms)
     SELECT id, ?, ? FROM account WHERE id = ?
     ON CONFLICT (account_id, hash) DO UPDATE SET logged_in_at_ms = excluded.logged_in_at_ms`,
    clientHash,
    atMs,
    accountId,
  )
  await tx.run(
    `DELETE FROM known_client
     WHERE account_id = ? AND hash NOT IN (
       SELECT hash FROM known_client WHERE account_id = ? ORDER BY logged_in_at_ms DESC LIMIT ?
     )`,
    accountId,
    accountId,
    KNOWN_CLIENTS_MAX,
  )
}

const lockoutOf = (row: LockoutRow): ActiveLockout => ({
  id: Buffer.from(row.subject).toString('hex'),
  kind: row.kind,
  account:
    row.public_id !== null && row.username !== null
      ? { publicId: row.public_id, username: row.username }
      : undefined,
  address: row.address ?? undefined,
  failures: row.failures,
  failedAtMs: row.failed_at_ms,
  lockedUntilMs: row.locked_until_ms,
})
