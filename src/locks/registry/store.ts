import type { LockState } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'

export type Lock = {
  /** A UUIDv7. */
  readonly id: string
  /** Names the lock in unlocks and requests; never changes. */
  readonly label: string
  /** What people call it. */
  readonly name: string
  readonly state: LockState
  /** Counts changes. */
  readonly version: number
}

/** Locks, as one transaction or reader sees them. */
export const locksIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => ({
  /** Returns all locks in the order of their names, retired ones included. */
  all: (): Promise<readonly Lock[]> =>
    queries.all<Lock>(`SELECT ${COLUMNS} FROM lock ORDER BY lower(name), label`),

  find: (label: string): Promise<Lock | undefined> =>
    queries.get<Lock>(`SELECT ${COLUMNS} FROM lock WHERE label = ?`, label),

  count: async (): Promise<number> =>
    (await queries.get<{ locks: number }>('SELECT count(*) AS locks FROM lock'))?.locks ?? 0,

  /** Adds an enabled lock. */
  add: async (lock: Pick<Lock, 'label' | 'name'>, nowMs: number): Promise<Lock> => {
    const added: Lock = {
      ...lock,
      id: Bun.randomUUIDv7('hex', nowMs),
      state: 'enabled',
      version: 1,
    }
    await queries.run(
      `INSERT INTO lock (id, label, name, state, version, created_at_ms)
       VALUES (?, ?, ?, ?, ?, ?)`,
      added.id,
      added.label,
      added.name,
      added.state,
      added.version,
      nowMs,
    )
    return added
  },

  /** Stores the name, state and version of a lock. */
  update: async ({ id, name, state, version }: Lock): Promise<void> => {
    await queries.run(
      'UPDATE lock SET name = ?, state = ?, version = ? WHERE id = ?',
      name,
      state,
      version,
      id,
    )
  },
})

const COLUMNS = 'id, label, name, state, version'
