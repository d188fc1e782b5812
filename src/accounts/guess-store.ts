import { AppError } from '../errors.ts'
import type { Database, Queries } from '../storage/database.ts'
import { type Counters, KINDS, type Judgement, type Kind, UNCOUNTED } from './waits.ts'

export type GuessStore = ReturnType<typeof guessStore>

/** Who attempts to sign in, and to what; `subjects` and `place` are keyed hashes. */
export type Guesser = {
  readonly subjects: Readonly<Record<Kind, Buffer>>
  readonly place: Buffer
  readonly address: string
  readonly accountId: number | undefined
  /** The device has shown a token of the account, and so is known wherever it is. */
  readonly hasToken: boolean
}

type Standing = { readonly counters: Counters; readonly isKnown: boolean; readonly atMs: number }

/** A counter that makes its subject wait. */
export type Wait = {
  readonly id: string
  readonly kind: Kind
  readonly account: { readonly publicId: string; readonly username: string } | undefined
  readonly address: string | undefined
  readonly failures: number
  readonly failedAtMs: number
  readonly waitsUntilMs: number
}

/** Those that run, as far as they are listed, and how many there are. */
export type Waits = { readonly total: number; readonly waits: readonly Wait[] }

type StoredWait = {
  subject: Uint8Array
  kind: Kind
  public_id: string | null
  username: string | null
  address: string | null
  failures: number
  failed_at_ms: number
  waits_until_ms: number
  total: number
}

const DAY_MS = 86_400_000

/** Failures are forgotten so long after the last attempt. */
const COUNTED_MS = DAY_MS

/** Logins make a device known for so long. */
export const KNOWN_MS = 90 * DAY_MS

/** Within this time a further login from a known place writes nothing. */
const RENEWED_MS = DAY_MS

/** Places at which an account is known. Each is good for ten guesses before it has to wait. */
const PLACES_MAX = 10

/** Attempts in line to be judged, each of which may cost a sync of the disk: what is not even a name and
 * password gets here without the work of a hash, as fast as anybody sends it. */
const IN_LINE_MAX = 100

/** Counters of each kind that are kept when they are swept. */
const COUNTERS_MAX = 20_000
const SWEEP_MS = 60_000
const SWEPT_MAX = 1_000_000

const LISTED_MAX = 100

/** Failed logins and known places in the database, by a clock that follows no jump of the day's. */
export const guessStore = (db: Database, now: () => number, countersMax = COUNTERS_MAX) => {
  let sweptAtMs = Number.NEGATIVE_INFINITY

  /** Takes away what is forgotten and what is too much: of each kind the fewest failures first, so
   * that a flood of new counters does not wash a full one away. */
  const sweep = async (tx: Queries, atMs: number): Promise<void> => {
    if (atMs - sweptAtMs < SWEEP_MS) return
    sweptAtMs = atMs
    await tx.run('DELETE FROM guess WHERE failed_at_ms <= ?', atMs - COUNTED_MS)
    await tx.run('DELETE FROM known_device WHERE logged_in_at_ms <= ?', atMs - KNOWN_MS)
    for (const kind of KINDS)
      await tx.run(
        `DELETE FROM guess WHERE subject IN (
           SELECT subject
           FROM guess
           WHERE kind = ?
           ORDER BY failures DESC, failed_at_ms DESC
           LIMIT ? OFFSET ?
         )`,
        kind,
        SWEPT_MAX,
        countersMax,
      )
  }

  let lastJudged: Promise<unknown> = Promise.resolve()
  let inLine = 0

  const inTurn = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (inLine >= IN_LINE_MAX) throw new AppError('unavailable', 'Server busy, try again')
    inLine += 1
    const result = lastJudged.then(work).finally(() => {
      inLine -= 1
    })
    lastJudged = result.catch(() => {})
    return result
  }

  return {
    /** Lets `decide` judge an attempt by what is counted so far, and keeps what comes of it. One is
     * judged after the other, so that guesses sent at once gain nothing over guesses sent in turn.
     * What passes writes nothing: it must not wait for a disk that is full or locked. Throws
     * `unavailable`, whatever would come of the attempt, where too many are in line already. */
    judge: (guesser: Guesser, decide: (standing: Standing) => Judgement): Promise<Judgement> =>
      inTurn(async () => {
        const atMs = now()
        const counters = await countersOf(db, guesser, atMs)
        const isKnown = guesser.hasToken || (await knownSinceMs(db, guesser)) > atMs - KNOWN_MS
        const judgement = decide({ counters, isKnown, atMs })
        if (!judgement.passes)
          await db.transaction(async (tx) => {
            await keep(tx, { guesser, counters: judgement.after, atMs })
            await sweep(tx, atMs)
          })
        return judgement
      }),

    /** Forgives the failures of a client at a name and of the name, and makes the place known. */
    welcome: async (accountId: number, guesser: Guesser): Promise<void> => {
      const atMs = now()
      const { name, client_at_name: clientAtName } = await countersOf(db, guesser, atMs)
      const isNews = !guesser.hasToken && (await knownSinceMs(db, guesser)) <= atMs - RENEWED_MS
      if (!isNews && name.failures + clientAtName.failures === 0) return
      await db.transaction(async (tx) => {
        const { subjects, place } = guesser
        await tx.run(
          'DELETE FROM guess WHERE subject IN (?, ?)',
          subjects.name,
          subjects.client_at_name,
        )
        if (isNews) await makeKnown(tx, { accountId, place, atMs })
        await sweep(tx, atMs)
      })
    },

    /** The counters that make somebody wait now: those at accounts first, then the longest. */
    waits: async (accountId?: number): Promise<Waits> => {
      const rows = await db.all<StoredWait>(
        `${WAITS}
         WHERE guess.waits_until_ms > ?
           AND (? IS NULL OR guess.account_id = ?)
         ORDER BY account.id IS NULL, guess.waits_until_ms DESC, guess.subject
         LIMIT ?`,
        now(),
        accountId ?? null,
        accountId ?? null,
        LISTED_MAX,
      )
      return { total: rows[0]?.total ?? 0, waits: rows.map(wait) }
    },

    /** Forgets a counter that makes somebody wait, and gives what it was. */
    lift: async (id: string): Promise<Pick<Wait, 'kind' | 'account' | 'failures'> | undefined> =>
      db.transaction(async (tx) => {
        const subject = Buffer.from(id, 'hex')
        const row = await tx.get<StoredWait>(
          `${WAITS}
           WHERE guess.subject = ? AND guess.waits_until_ms > ?`,
          subject,
          now(),
        )
        if (!row) return undefined
        await tx.run('DELETE FROM guess WHERE subject = ?', subject)
        return wait(row)
      }),
  }
}

const WAITS = `
  SELECT
    guess.subject,
    guess.kind,
    account.public_id,
    account.username,
    guess.address,
    guess.failures,
    guess.failed_at_ms,
    guess.waits_until_ms,
    count(*) OVER () AS total
  FROM guess
  LEFT JOIN account ON account.id = guess.account_id`

/** When a login last failed, by the clock of then; 0 where none is counted. */
export const newestFailureMs = async (db: Database): Promise<number> => {
  const newest = await db.get<{ ms: number | null }>('SELECT max(failed_at_ms) AS ms FROM guess')
  return newest?.ms ?? 0
}

const countersOf = async (db: Queries, { subjects }: Guesser, atMs: number): Promise<Counters> => {
  const rows = await db.all<{ kind: Kind; failures: number; waits_until_ms: number | null }>(
    `SELECT kind, failures, waits_until_ms
     FROM guess
     WHERE subject IN (?, ?, ?) AND failed_at_ms > ?`,
    subjects.client,
    subjects.name,
    subjects.client_at_name,
    atMs - COUNTED_MS,
  )
  const counted = (kind: Kind) => {
    const row = rows.find((one) => one.kind === kind)
    return row ? { failures: row.failures, waitsUntilMs: row.waits_until_ms } : UNCOUNTED
  }
  return {
    client: counted('client'),
    name: counted('name'),
    client_at_name: counted('client_at_name'),
  }
}

type Kept = { readonly guesser: Guesser; readonly counters: Counters; readonly atMs: number }

/** Writes all three, also those that did not change: what is refused takes the same time. The account
 * may be gone since its password was read. */
const keep = async (tx: Queries, { guesser, counters, atMs }: Kept): Promise<void> => {
  for (const kind of KINDS)
    await tx.run(
      `INSERT INTO guess (
         subject,
         kind,
         account_id,
         address,
         failures,
         failed_at_ms,
         waits_until_ms
       ) VALUES (?, ?, (SELECT id FROM account WHERE id = ?), ?, ?, ?, ?)
       ON CONFLICT (subject) DO UPDATE SET
         account_id = excluded.account_id,
         address = excluded.address,
         failures = excluded.failures,
         failed_at_ms = excluded.failed_at_ms,
         waits_until_ms = excluded.waits_until_ms`,
      guesser.subjects[kind],
      kind,
      kind === 'client' ? null : (guesser.accountId ?? null),
      kind === 'name' ? null : guesser.address,
      counters[kind].failures,
      atMs,
      counters[kind].waitsUntilMs,
    )
}

/** When the account last signed in from the place, to the day. */
const knownSinceMs = async (db: Queries, { accountId, place }: Guesser): Promise<number> => {
  const known = await db.get<{ ms: number }>(
    'SELECT logged_in_at_ms AS ms FROM known_device WHERE account_id = ? AND hash = ?',
    accountId ?? null,
    place,
  )
  return known?.ms ?? Number.NEGATIVE_INFINITY
}

type Known = { readonly accountId: number; readonly place: Buffer; readonly atMs: number }

const makeKnown = async (tx: Queries, { accountId, place, atMs }: Known): Promise<void> => {
  await tx.run(
    `INSERT INTO known_device (account_id, hash, logged_in_at_ms)
     SELECT id, ?, ? FROM account WHERE id = ?
     ON CONFLICT (account_id, hash) DO UPDATE SET logged_in_at_ms = excluded.logged_in_at_ms`,
    place,
    atMs,
    accountId,
  )
  await tx.run(
    `DELETE FROM known_device
     WHERE account_id = ? AND hash NOT IN (
       SELECT hash FROM known_device WHERE account_id = ? ORDER BY logged_in_at_ms DESC LIMIT ?
     )`,
    accountId,
    accountId,
    PLACES_MAX,
  )
}

const wait = (row: StoredWait): Wait => ({
  id: Buffer.from(row.subject).toString('hex'),
  kind: row.kind,
  account:
    row.public_id !== null && row.username !== null
      ? { publicId: row.public_id, username: row.username }
      : undefined,
  address: row.address ?? undefined,
  failures: row.failures,
  failedAtMs: row.failed_at_ms,
  waitsUntilMs: row.waits_until_ms,
})
