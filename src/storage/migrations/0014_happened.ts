import type { Database as Sqlite } from 'bun:sqlite'
import { foldedText } from '../../domain/text/folded-text.ts'
import { BUCKET_KEY, textBucket } from '../../domain/text/text-bucket.ts'
import type { Migration, OnProgress } from './migration.ts'

/** The unlock log gets the time at which each unlock happened, and numbers in place of accounts and
 * methods, so that no index contains personal text. */
export const happened: Migration = {
  prepare: `
-- Whose an unlock is, and how the door was opened: unlock_event has the number, so that no index
-- contains personal text. Rows are only added at the end and blanked in place: SQLite moves none, and
-- leaves no copy of what is erased. \`bucket\` is a small number by which the text is found (see
-- text-bucket.ts).
CREATE TABLE unlock_account (
  id INTEGER PRIMARY KEY,
  -- At random, so that it tells nothing once the rest is blank.
  number INTEGER NOT NULL UNIQUE,
  bucket INTEGER,
  public_id TEXT
) STRICT;

CREATE INDEX unlock_account_by_bucket ON unlock_account (bucket) WHERE bucket IS NOT NULL;

-- Methods as people compare them (see folded-text.ts).
CREATE TABLE unlock_method (
  number INTEGER PRIMARY KEY,
  bucket INTEGER,
  folded TEXT
) STRICT;

CREATE INDEX unlock_method_by_bucket ON unlock_method (bucket) WHERE bucket IS NOT NULL;

ALTER TABLE unlock_event RENAME TO unlock_event_before;

-- The unlock log in order of receipt: \`seq\` counts from 0 without gaps. Account, name and method, the
-- salt of their commitment \`person_hash\`, and the numbers become NULL when a person is erased or the
-- retention ends; the leaf stays as it was. \`happened_at_ms\` is no part of the leaf, from which it can
-- be computed.
CREATE TABLE unlock_event (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  account_number INTEGER,
  method_number INTEGER,
  username TEXT,
  method TEXT,
  salt BLOB,
  person_hash BLOB NOT NULL,
  lock TEXT NOT NULL,
  result TEXT NOT NULL,
  reason TEXT,
  source TEXT NOT NULL,
  occurred_at_ms INTEGER,
  received_at_ms INTEGER NOT NULL,
  happened_at_ms INTEGER NOT NULL,
  is_late INTEGER NOT NULL,
  is_time_uncertain INTEGER NOT NULL,
  leaf_hash BLOB NOT NULL
) STRICT;
`,

  move: (connection, onProgress) => {
    const bucketOf = keyedBuckets(connection)
    fillAccounts(connection, bucketOf)
    fillMethods(connection, bucketOf)
    moveEvents(connection, onProgress)
    connection.run('DROP TABLE temp.receipt')
    connection.run('DROP TABLE temp.whose')
    connection.run('DROP TABLE temp.spelling')
    onProgress('removing the old table, and building indexes')
  },

  finish: `
DROP TABLE unlock_event_before;
DELETE FROM setting WHERE name = 'stale_unlock_indexes';

CREATE UNIQUE INDEX unlock_by_id ON unlock_event (id);

-- What the log is searched by, in the order in which it happened. Each index ends in seq anyway, the
-- key of the row. Nearly all unlocks have the other result, which no index would find faster.
CREATE INDEX unlock_by_time ON unlock_event (happened_at_ms);
CREATE INDEX unlock_by_account ON unlock_event (account_number, happened_at_ms)
WHERE account_number IS NOT NULL;
CREATE INDEX unlock_by_method ON unlock_event (method_number, happened_at_ms)
WHERE method_number IS NOT NULL;
CREATE INDEX unlock_by_denial ON unlock_event (happened_at_ms) WHERE result <> 'unlocked';

-- Certain times of receipt never decrease, so that they tell where in the log a time was.
CREATE INDEX unlock_by_receipt ON unlock_event (received_at_ms) WHERE is_time_uncertain = 0;

-- Imported unlocks that still have names, for the end of the retention.
CREATE INDEX unlock_imported_named ON unlock_event (happened_at_ms)
WHERE source = 'imported' AND salt IS NOT NULL;
`,
}

/** Rows between two reports. */
const STEP_ROWS = 20_000

type BucketOf = (text: string) => number

/** Stores a random key in the database, and returns a function that returns the bucket of a text. */
const keyedBuckets = (connection: Sqlite): BucketOf => {
  const key = crypto.getRandomValues(new Uint8Array(16)).toHex()
  connection.run('INSERT INTO setting (name, value) VALUES (?, ?)', [BUCKET_KEY, key])
  return (text) => textBucket(text, key)
}

/** Numbers the accounts, and lists their numbers in a temporary table. */
const fillAccounts = (connection: Sqlite, bucketOf: BucketOf): void => {
  connection.run(
    'CREATE TEMP TABLE whose (public_id TEXT PRIMARY KEY, number INTEGER) STRICT, WITHOUT ROWID',
  )
  using insert = connection.prepare<{ number: number }, [number, string]>(
    `INSERT INTO unlock_account (number, bucket, public_id)
     VALUES (abs(random()) >> 16, ?, ?)
     RETURNING number`,
  )
  using know = connection.prepare('INSERT INTO temp.whose (public_id, number) VALUES (?, ?)')
  for (const id of distinct(connection, 'account_public_id'))
    know.run(id, insert.get(bucketOf(id), id)?.number ?? null)
}

/** Numbers the methods, and lists the number of each spelling in a temporary table. */
const fillMethods = (connection: Sqlite, bucketOf: BucketOf): void => {
  connection.run(
    'CREATE TEMP TABLE spelling (method TEXT PRIMARY KEY, number INTEGER) STRICT, WITHOUT ROWID',
  )
  using known = connection.prepare<{ number: number }, [number, string]>(
    'SELECT number FROM unlock_method WHERE bucket = ? AND folded = ?',
  )
  using insert = connection.prepare<{ number: number }, [number, string]>(
    'INSERT INTO unlock_method (bucket, folded) VALUES (?, ?) RETURNING number',
  )
  using know = connection.prepare('INSERT INTO temp.spelling (method, number) VALUES (?, ?)')
  for (const method of distinct(connection, 'method')) {
    const folded = foldedText(method)
    const bucket = bucketOf(folded)
    know.run(method, (known.get(bucket, folded) ?? insert.get(bucket, folded))?.number ?? null)
  }
}

/** Yields the values of an indexed column, one look at the index for each. */
function* distinct(connection: Sqlite, column: 'account_public_id' | 'method') {
  using first = connection.prepare<{ value: string | null }, []>(
    `SELECT min(${column}) AS value FROM unlock_event_before`,
  )
  using next = connection.prepare<{ value: string | null }, [string]>(
    `SELECT min(${column}) AS value FROM unlock_event_before WHERE ${column} > ?`,
  )
  for (let value = first.get()?.value; typeof value === 'string'; value = next.get(value)?.value)
    yield value
}

const moveEvents = (connection: Sqlite, onProgress: OnProgress): void => {
  using last = connection.prepare<{ seq: number | null }, []>(
    'SELECT max(seq) AS seq FROM unlock_event_before',
  )
  const size = (last.get()?.seq ?? -1) + 1
  const correctReceipts = receiptCorrections(connection)
  using move = connection.prepare(MOVE)
  using nextEnd = connection.prepare<{ seq: number }, [number]>(
    `SELECT seq FROM unlock_event_before WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ${STEP_ROWS - 1}`,
  )
  for (let after = Number.MIN_SAFE_INTEGER; ;) {
    const end = nextEnd.get(after)?.seq
    const step = [after, end ?? Number.MAX_SAFE_INTEGER] as const
    correctReceipts(...step)
    move.run(...step)
    if (end === undefined) return
    after = end
    onProgress(`${count(end + 1)} of ${count(size)} unlocks`)
  }
}

/** Returns a function that stores, for the events of the next step that were received when the clock was
 * behind the newest certain time, that time. */
const receiptCorrections = (connection: Sqlite) => {
  connection.run('CREATE TEMP TABLE receipt (seq INTEGER PRIMARY KEY, ms INTEGER) STRICT')
  let newestMs = 0
  return (after: number, end: number): void => {
    using times = connection.prepare<Times, [number, number]>(
      `SELECT seq, received_at_ms AS ms, is_time_uncertain AS uncertain
       FROM unlock_event_before
       WHERE seq > ? AND seq <= ?
       ORDER BY seq`,
    )
    using correct = connection.prepare('INSERT INTO temp.receipt (seq, ms) VALUES (?, ?)')
    for (const { seq, ms, uncertain } of times.all(after, end))
      if (uncertain === 0) newestMs = Math.max(newestMs, ms)
      else if (ms < newestMs) correct.run(seq, newestMs)
  }
}

type Times = { seq: number; ms: number; uncertain: number }

const count = (value: number): string => value.toLocaleString('en')

/** The time when an unlock happened is the phone's, or that of the legacy server, unless it is after
 * receipt; a phone's must also be within 90 days of it. */
const MOVE = `
INSERT INTO unlock_event (
  seq, id, account_number, method_number, username, method, salt, person_hash, lock, result, reason,
  source, occurred_at_ms, received_at_ms, happened_at_ms, is_late, is_time_uncertain, leaf_hash
)
SELECT
  seq,
  id,
  (SELECT number FROM temp.whose WHERE public_id = account_public_id),
  (SELECT number FROM temp.spelling WHERE spelling.method = before.method),
  username,
  method,
  salt,
  person_hash,
  lock,
  result,
  reason,
  source,
  occurred_at_ms,
  received_at_ms,
  CASE
    WHEN occurred_at_ms <= receipt_ms
      AND (source = 'imported' OR receipt_ms - occurred_at_ms <= 90 * 86400000)
    THEN occurred_at_ms
    ELSE receipt_ms
  END,
  is_late,
  is_time_uncertain,
  leaf_hash
FROM (
  SELECT
    unlock_event_before.*,
    coalesce(
      (SELECT ms FROM temp.receipt WHERE receipt.seq = unlock_event_before.seq),
      received_at_ms
    ) AS receipt_ms
  FROM unlock_event_before
  WHERE seq > ? AND seq <= ?
) AS before
ORDER BY seq`
