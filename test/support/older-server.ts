import { Database } from 'bun:sqlite'
import { createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Queries } from '../../src/storage/queries.ts'
import { PASSWORD } from './app.ts'
import { runCommand } from './binary.ts'

type Cell = string | number | null | Uint8Array

/** A row of the legacy server's tables, in the order of their columns. */
type UserRow = readonly [Cell, Cell, Cell, Cell, Cell, Cell]
type LogRow = readonly [Cell, Cell, Cell, Cell]

/** The tables as the legacy server's SQLAlchemy created them. */
const TABLES = `
  CREATE TABLE user (
    id INTEGER NOT NULL, public_id VARCHAR(50), username VARCHAR(50), password VARCHAR(80),
    phone VARCHAR(20), address VARCHAR(100), PRIMARY KEY (id)
  );
  CREATE TABLE log (
    id INTEGER NOT NULL, username VARCHAR(50), unlocking_method VARCHAR(50), date_time DATETIME,
    PRIMARY KEY (id)
  );`

/** Creates a legacy server's database. */
export const olderFile = (
  path: string,
  {
    users,
    unlocks = [],
  }: { readonly users: readonly UserRow[]; readonly unlocks?: Iterable<LogRow> },
): string => {
  using db = new Database(path)
  db.run(TABLES)
  const addUser = db.prepare('INSERT INTO user VALUES (?, ?, ?, ?, ?, ?)')
  const addUnlock = db.prepare('INSERT INTO log VALUES (?, ?, ?, ?)')
  db.transaction(() => {
    for (const row of users) addUser.run(...row)
    for (const row of unlocks) addUnlock.run(...row)
  })()
  return path
}

/** A Werkzeug hash, by its cheapest method or by PBKDF2. */
export const olderHashOf = (password: string, iterations?: number): string => {
  const salt = crypto.randomUUID().slice(0, 16)
  if (iterations === undefined)
    return `sha256$${salt}$${createHmac('sha256', salt).update(password).digest('hex')}`
  const digest = pbkdf2Sync(password, salt, iterations, 32, 'sha256').toString('hex')
  return `pbkdf2:sha256:${iterations}$${salt}$${digest}`
}

/** A public id as the legacy server assigned them. */
export const idOf = (n: number): string => `6f1b4e0a-5a7e-4d0e-9a3b-${String(n).padStart(12, '0')}`

/** A row of a person. */
export const user = (n: number, name: string, hash = olderHashOf(PASSWORD)) =>
  [n, idOf(n), name, hash, '0123', 'Lane'] as const

/** Rows of unlocks by several people in turn, a minute apart. */
export function* unlocksOf(names: readonly string[], count: number) {
  for (let n = 0; n < count; n += 1) {
    const at = new Date(Date.UTC(2021, 2, 4, 5, 6, 7) + n * 60_000).toISOString()
    const time = `${at.slice(0, 19).replace('T', ' ')}.123456`
    yield [n + 1, names[n % names.length] ?? '', 'fingerprint', time] as const
  }
}

/** A folder to run the executable in, with one for the legacy server's file, `older/old.db`. */
export const folderIn = (root: string): string => {
  const folder = join(root, crypto.randomUUID())
  mkdirSync(join(folder, 'older'), { recursive: true })
  return folder
}

/** Imports that file with the executable; returns what it printed, by kind. */
export const importing = async (folder: string, args: readonly string[] = [], env = {}) => {
  const run = await runCommand(['import', ...args, 'older/old.db'], { folder, env })
  const lines = run.out.trimEnd().split('\n')
  return {
    ...run,
    reported: lines.filter((line) => /^(user|log) /.test(line)),
    counts: lines.slice(-2).map((line) => line.trim().split(/ {2,}/).join(' ')),
  }
}

/** The ids of all events, in order. */
export const eventIds = async (db: Queries): Promise<readonly string[]> =>
  (await db.all<{ id: string }>('SELECT id FROM unlock_event ORDER BY seq')).map(({ id }) => id)

/** The token in the answer to a login or registration. */
export const tokenOf = async (answer: Promise<Response>): Promise<string> => {
  const { access_token: token } = (await (await answer).json()) as { access_token: string }
  return token
}
