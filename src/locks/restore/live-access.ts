import type { Queries } from '../../storage/database.ts'
import type { ReadOnlyDatabase } from '../../storage/open.ts'
import { type Lockdown, lockdownsIn } from '../home/lockdown-store.ts'
import { type StoredGrant, grantReads } from '../grants/reads-store.ts'
import { operatorsIn } from '../operator/store.ts'
import { type Lock, locksIn } from '../registry/store.ts'

/** What was withdrawn in the data that a backup replaces. */
export type LiveAccess = {
  /** False if it is not known what was withdrawn since the backup. */
  readonly isKnown: boolean
  /** Grants that were revoked, changed or used. */
  readonly grants: readonly StoredGrant[]
  /** Disabled and retired locks. */
  readonly locks: readonly Lock[]
  /** Lockdowns in force. */
  readonly lockdowns: readonly Lockdown[]
  /** The operators by the labels of their locks. */
  readonly operators: ReadonlyMap<string, string>
}

/** Nothing is known. */
export const NO_ACCESS: LiveAccess = {
  isKnown: false,
  grants: [],
  locks: [],
  lockdowns: [],
  operators: new Map(),
}

/** The first schema with locks and grants. */
const LOCKS_SCHEMA = 16
/** The first with operators. */
const OPERATORS_SCHEMA = 17

/** The first with guests, whose columns and tables earlier ones lack. */
const GUESTS_SCHEMA = 18
const BEFORE_GUESTS = `
  WITH
    access_grant AS (SELECT *, NULL AS suspended_at_ms FROM main.access_grant),
    pass AS (
      SELECT NULL AS id, NULL AS label, NULL AS devices_max, NULL AS made_by, NULL AS erased_at_ms
      WHERE 0
    )`

const PAGE_GRANTS = 500

/** Reads it from a database. */
export const liveAccess = async (
  { all, get, schemaVersion }: Pick<ReadOnlyDatabase, 'all' | 'get' | 'schemaVersion'>,
  nowMs: number,
): Promise<LiveAccess> => {
  if (schemaVersion < LOCKS_SCHEMA) return { ...NO_ACCESS, isKnown: true }
  const db: Queries = {
    all:
      schemaVersion < GUESTS_SCHEMA ? (sql, ...params) => all(BEFORE_GUESTS + sql, ...params) : all,
    get,
    run: () => Promise.reject(new Error('opened for reading')),
  }
  const { page } = grantReads(db, nowMs)
  const grants: StoredGrant[] = []
  let found: readonly StoredGrant[] = []
  do {
    found = await page({}, { beforeId: found.at(-1)?.id, limit: PAGE_GRANTS })
    grants.push(...found.filter(isTouched))
  } while (found.length === PAGE_GRANTS)
  return {
    isKnown: true,
    grants,
    locks: (await locksIn(db).all()).filter(({ state }) => state !== 'enabled'),
    lockdowns: await lockdownsIn(db, nowMs).all(),
    operators: schemaVersion < OPERATORS_SCHEMA ? new Map() : await operatorsIn(db).all(),
  }
}

const isTouched = ({ revokedAtMs, suspendedAtMs, version, uses }: StoredGrant): boolean =>
  revokedAtMs !== null || suspendedAtMs !== null || version > 1 || uses > 0
