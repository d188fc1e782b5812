import { Database } from 'bun:sqlite'
import { createHmac, pbkdf2Sync } from 'node:crypto'

type Cell = string | number | null | Uint8Array

/** A row of the older server's tables, in the order of their columns. */
type UserRow = readonly [Cell, Cell, Cell, Cell, Cell, Cell]
type LogRow = readonly [Cell, Cell, Cell, Cell]

/** The tables as the older server's SQLAlchemy made them. */
const TABLES = `
  CREATE TABLE user (
    id INTEGER NOT NULL, public_id VARCHAR(50), username VARCHAR(50), password VARCHAR(80),
    phone VARCHAR(20), address VARCHAR(100), PRIMARY KEY (id)
  );
  CREATE TABLE log (
    id INTEGER NOT NULL, username VARCHAR(50), unlocking_method VARCHAR(50), date_time DATETIME,
    PRIMARY KEY (id)
  );`

/** Makes an older server's database. */
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

/** A hash as Werkzeug makes it, by the cheapest of its ways, or by PBKDF2. */
export const olderHashOf = (password: string, iterations?: number): string => {
  const salt = crypto.randomUUID().slice(0, 16)
  if (iterations === undefined)
    return `sha256$${salt}$${createHmac('sha256', salt).update(password).digest('hex')}`
  const digest = pbkdf2Sync(password, salt, iterations, 32, 'sha256').toString('hex')
  return `pbkdf2:sha256:${iterations}$${salt}$${digest}`
}
