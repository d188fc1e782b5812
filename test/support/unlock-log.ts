import { Database } from 'bun:sqlite'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { signCheckpoint } from '../../src/unlocks/tlog/checkpoint.ts'
import { entryBytes } from '../../src/unlocks/log/entry.ts'
import type { NewUnlockEvent, UnerasedEvent } from '../../src/unlocks/log/event.ts'
import { frontier, leafHash } from '../../src/unlocks/tlog/merkle-tree.ts'
import type { NoteSigner } from '../../src/unlocks/tlog/signed-note.ts'
import { parseSigningKey } from '../../src/unlocks/tlog/signing-key.ts'
import { runCommand, temporaryFolder, withHome } from './binary.ts'

const PEOPLE = ['ada', 'grace', 'hedy'] as const

/** An event as an app would claim it; person and method are derived from the number. */
export const claimed = (
  seq: number,
  person: string = PEOPLE[seq % 3] ?? 'ada',
): NewUnlockEvent => ({
  id: crypto.randomUUID(),
  accountPublicId: `account-of-${person}`,
  username: person,
  method: seq % 2 === 0 ? 'fingerprint' : `pin ${seq}`,
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
})

/** A row as someone might add it by hand, covered by no checkpoint. */
export const strayEvent = (seq: number, person: string): UnerasedEvent => {
  const { accountPublicId, username, method, ...rest } = claimed(seq, person)
  const hash = new Uint8Array(32)
  return {
    ...rest,
    seq,
    receivedAtMs: 0,
    happenedAtMs: 0,
    isLate: false,
    isTimeUncertain: false,
    person: { accountPublicId, username, method, salt: hash },
    personHash: hash,
    leafHash: hash,
  }
}

type Options = {
  readonly size: number
  /** Sizes at which somebody keeps the checkpoint. */
  readonly keptAt?: readonly number[]
  readonly now?: () => number
  readonly env?: Readonly<Record<string, string>>
  /** Something to do with the app before it is closed. */
  readonly before?: (app: Awaited<ReturnType<typeof openLog>>) => Promise<void>
}

/** An app that does not listen, on a home that outlives it. */
export const openLog = async (
  dataDir: string,
  { now, env = {} }: Pick<Options, 'now' | 'env'> = {},
  write: (line: string) => void = () => {},
) => {
  const config = parseConfig(await withHome({ env: { DATA_DIR: dataDir, ...env } }, dataDir))
  return openApp(config, {
    logger: processLogger({ level: 'info', format: 'json', write }),
    ...(now ? { clock: clockFrom({ wallMs: now }) } : {}),
  })
}

/** A data folder with a log of that many events, and its kept checkpoints. */
export const recordedLog = async ({ size, keptAt = [], before, ...options }: Options) => {
  const folder = temporaryFolder()
  const dataDir = join(folder, 'data')
  const kept = new Map<number, string>()
  const app = await openLog(dataDir, options)
  for (let seq = 0; seq <= size; seq += 1) {
    if (keptAt.includes(seq)) {
      const path = join(folder, `checkpoint-${seq}`)
      writeFileSync(path, (await app.unlocks.unlockLog.head()).checkpoint)
      kept.set(seq, path)
    }
    if (seq < size) await app.unlocks.unlockLog.append([claimed(seq)])
  }
  await before?.(app)
  await app[Symbol.asyncDispose]()
  return { ...handle(folder, kept), folder }
}

export type RecordedLog = Awaited<ReturnType<typeof recordedLog>>

const handle = (folder: string, kept: ReadonlyMap<number, string>) => {
  const dataDir = join(folder, 'data')
  const path = join(dataDir, 'secure-lock.db')
  return {
    dataDir,
    database: path,
    /** A copy to tamper with, removed with it. */
    copy: () => {
      const other = temporaryFolder()
      mkdirSync(other, { recursive: true })
      cpSync(dataDir, join(other, 'data'), { recursive: true })
      return { ...handle(other, kept), [Symbol.dispose]: () => remove(other) }
    },
    kept: (size: number): string => kept.get(size) ?? '',
    /** Changes the file by hand, as anyone who has it could. */
    edit: (work: (db: Database) => void): void => {
      const db = new Database(path, { strict: true })
      db.run('PRAGMA secure_delete = ON')
      db.transaction(() => work(db))()
      db.close()
    },
    verify: (...args: string[]) =>
      runCommand(['log', 'verify', ...args], { env: { DATA_DIR: dataDir } }),
    run: (...args: string[]) => runCommand(args, { env: { DATA_DIR: dataDir } }),
    signer: (): NoteSigner => {
      const text = readFileSync(join(dataDir, 'log-signing-key'), 'utf8').trim()
      const signer = parseSigningKey(text)
      if (!signer) throw new Error('the key cannot be read')
      return signer
    },
    remove: () => remove(folder),
  }
}

const remove = (folder: string) => rmSync(folder, { recursive: true, force: true })

type Row = {
  readonly seq: number
  readonly id: string
  readonly lock: string
  readonly result: NewUnlockEvent['result']
  readonly reason: NewUnlockEvent['reason']
  readonly source: NewUnlockEvent['source']
  readonly occurred_at_ms: number | null
  readonly received_at_ms: number
  readonly is_late: number
  readonly is_time_uncertain: number
  readonly person_hash: Uint8Array
}

/** The current rows of the log. */
export const rowsOf = (db: Database, table = 'unlock_event'): readonly Row[] =>
  db.query(`SELECT * FROM ${table} ORDER BY seq`).all() as Row[]

/** Makes the leaf hash of a row match the row, as a careful forger would. */
export const restampLeaf = (db: Database, row: Row, table = 'unlock_event'): Uint8Array => {
  const hash = leafHash(
    entryBytes({
      seq: row.seq,
      id: row.id,
      lock: row.lock,
      result: row.result,
      reason: row.reason,
      source: row.source,
      occurredAtMs: row.occurred_at_ms,
      receivedAtMs: row.received_at_ms,
      isLate: row.is_late === 1,
      isTimeUncertain: row.is_time_uncertain === 1,
      personHash: row.person_hash,
    }),
  )
  db.query(`UPDATE ${table} SET leaf_hash = ? WHERE seq = ?`).run(hash, row.seq)
  return hash
}

/** Makes leaf hashes, tree and size match the rows, and signs the result if there is a signer. The
 * table had another name in schemas before 8. */
export const restamp = (db: Database, signer?: NoteSigner, table = 'unlock_event'): void => {
  db.run('DELETE FROM tree_node')
  const tree = frontier()
  const insert = db.query('INSERT INTO tree_node (hash) VALUES (?)')
  for (const row of rowsOf(db, table))
    for (const { level, hash } of tree.append(restampLeaf(db, row, table)))
      if (level > 0) insert.run(hash)
  // Inserted this way, they count from 1.
  db.run('UPDATE tree_node SET number = number - 1')
  db.run('UPDATE log_head SET size = ?', [tree.size()])
  if (!signer) return
  const origin = signer.verifierKey.name
  const note = signCheckpoint({ origin, size: tree.size(), root: tree.root() }, signer)
  db.run('UPDATE log_head SET checkpoint = ?', [note])
}
