import { Database } from 'bun:sqlite'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BUCKET_KEY, textBucket } from '../../src/domain/text/text-bucket.ts'
import { signCheckpoint } from '../../src/unlocks/tlog/checkpoint.ts'
import { frontier, frontierNodes, leafHash, nodeHash } from '../../src/unlocks/tlog/merkle-tree.ts'
import { parseSigningKey } from '../../src/unlocks/tlog/signing-key.ts'

/** Someone whose unlocks are planted, and how they open the door. */
export type Person = {
  readonly publicId: string
  readonly username: string
  readonly methods: readonly string[]
}

type Many = {
  readonly events: number
  readonly people: readonly Person[]
  /** Returns SQL for the index in `people` of the person who opened the door at `seq`. */
  readonly whose: string
}

const ROWS_PER_STEP = 100_000
const STEP_MS = 1000

/** Plants very many unlocks, one a second until now, in the empty log of a stopped service. All have the
 * same leaf, so that the tree over them costs next to nothing: the log goes on growing, but cannot be
 * verified. */
export const plantMany = (database: string, { events, people, whose }: Many): void => {
  using db = new Database(database, { strict: true })
  for (const pragma of ['synchronous = 0', 'cache_size = -200000', 'temp_store = 1'])
    db.run(`PRAGMA ${pragma}`)
  db.run(`PRAGMA temp_store_directory = '${dirname(database)}'`)
  const indexes = db
    .query<{ name: string; sql: string }, []>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'unlock_event'",
    )
    .all()
  for (const { name } of indexes) db.run(`DROP INDEX ${name}`)
  plantPeople(db, people)
  const leaf = leafHash(new Uint8Array())
  const plant = db.prepare(
    `WITH RECURSIVE step (seq) AS (SELECT ?1 UNION ALL SELECT seq + 1 FROM step WHERE seq + 1 < ?2)
     INSERT INTO unlock_event
     SELECT seq, printf('%08x-0000-4000-8000-%012x', seq, seq), number, method_number, username, method,
       zeroblob(32), zeroblob(32), 'front-door', 'unlocked', NULL, 'claimed', NULL, at_ms, at_ms, 0, 0, ?4, 0
     FROM (SELECT seq, ${whose} AS who, ?3 + seq * ${STEP_MS} AS at_ms FROM step) AS happened
     JOIN temp.person ON person.who = happened.who AND person.way = seq / 7 % 4`,
  )
  const startMs = Date.now() - events * STEP_MS
  for (let from = 0; from < events; from += ROWS_PER_STEP)
    plant.run(from, Math.min(from + ROWS_PER_STEP, events), startMs, leaf)
  plantTree(db, events, leaf, dirname(database))
  for (const { sql } of indexes) db.run(sql)
  db.run('PRAGMA wal_checkpoint(TRUNCATE)')
}

const WAYS = 4

const plantPeople = (db: Database, people: readonly Person[]): void => {
  const key = db
    .query<{ value: string }, [string]>('SELECT value FROM setting WHERE name = ?')
    .get(BUCKET_KEY)
  const bucketOf = (text: string): number => textBucket(text, key?.value ?? '')
  db.run(`CREATE TEMP TABLE person (
    who INTEGER, way INTEGER, number INTEGER, username TEXT, method_number INTEGER, method TEXT,
    PRIMARY KEY (who, way)) WITHOUT ROWID`)
  const methods = new Map<string, number>()
  db.transaction(() => {
    for (const [who, { publicId, username, methods: ways }] of people.entries()) {
      const { number } = db
        .query<{ number: number }, [number, number, string]>(
          'INSERT INTO unlock_account (number, bucket, public_id) VALUES (?, ?, ?) RETURNING number',
        )
        .get(Math.floor(Math.random() * 2 ** 47), bucketOf(publicId), publicId) ?? { number: 0 }
      for (let way = 0; way < WAYS; way += 1) {
        const method = ways[way % ways.length] ?? 'pin'
        if (!methods.has(method)) {
          methods.set(method, methods.size + 1)
          db.query('INSERT INTO unlock_method (number, bucket, folded) VALUES (?, ?, ?)').run(
            methods.size,
            bucketOf(method),
            method,
          )
        }
        db.query('INSERT INTO temp.person VALUES (?, ?, ?, ?, ?, ?)').run(
          who,
          way,
          number,
          username,
          methods.get(method) ?? 0,
          method,
        )
      }
    }
  })()
}

/** The tree over leaves that are all the same: so are the nodes of each level. */
const plantTree = (db: Database, size: number, leaf: Uint8Array, folder: string): void => {
  const levels = [leaf]
  while (2 ** levels.length <= size) {
    const below = levels.at(-1) ?? leaf
    levels.push(nodeHash(below, below))
  }
  const insert = db.prepare('INSERT INTO tree_node (number, hash) VALUES (?, ?)')
  let number = 0
  db.transaction(() => {
    for (let leaves = 1; leaves <= size; leaves += 1)
      for (let level = 1, width = 2; leaves % width === 0; level += 1, width *= 2) {
        insert.run(number, levels[level] ?? leaf)
        number += 1
      }
  })()
  const signer = parseSigningKey(readFileSync(join(folder, 'log-signing-key'), 'utf8').trim())
  if (!signer) throw new Error('the key of the log cannot be read')
  const nodes = frontierNodes(size).map(({ level }) => levels[level] ?? leaf)
  const root = frontier(size, nodes).root()
  const note = signCheckpoint({ origin: signer.verifierKey.name, size, root }, signer)
  db.run('UPDATE log_head SET size = ?, checkpoint = ?', [size, note])
}
