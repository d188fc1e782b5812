import { Database } from 'bun:sqlite'

/** Opens a database file that a service may have open: a write waits for its turn. */
export const databaseFile = (path: string): Database => {
  const file = new Database(path)
  file.run('PRAGMA busy_timeout = 60000')
  return file
}
