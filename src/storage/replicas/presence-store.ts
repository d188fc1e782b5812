import { SECOND_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../database.ts'
import { COMMITS_LOCALLY } from './local-commit.ts'
import type { Dissenter, ReplicaSelf, Replicas } from './replicas.ts'

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  /** Statements outside the turn of the home. */
  readonly outside: Pick<Queries, 'run'>
  /** The id of this process. */
  readonly id: string
}

/** How often a replica stores that it is running, and how long it counts as running afterwards, in case it dies. */
const AGAIN_MS = 5 * SECOND_MS
const LASTS_MS = 15 * SECOND_MS

/** The longest silence of a running replica, unless the machine is busy. */
const USUAL_MS_MAX = AGAIN_MS + 2 * SECOND_MS

const IS_GONE = `seen_at < clock_timestamp() - interval '${LASTS_MS} milliseconds'`

/** Registers this process among the running replicas of a home, by the clock of the database. */
export const presence = ({ db, outside, id }: Dependencies) => {
  let again: Timer | undefined

  const join: Replicas['join'] = async (self, onDissent) => {
    const dissenters = await db.transaction(async (tx) => {
      await tx.run(`DELETE FROM replica WHERE ${IS_GONE}`)
      const others = await tx.all<{ name: string; settings: string }>(
        'SELECT name, settings FROM replica WHERE id <> ? ORDER BY name, id',
        id,
      )
      const found = others.flatMap(({ name, settings }) => {
        const differing = differences(
          self.settings,
          JSON.parse(settings) as ReplicaSelf['settings'],
        )
        return differing.length > 0 ? [{ name, settings: differing }] : []
      })
      if (found.length === 0)
        await tx.run(
          `INSERT INTO replica (id, name, version, settings, metrics_token, started_at, seen_at)
           VALUES (?, ?, ?, ?, ?, clock_timestamp(), clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
          id,
          self.name,
          self.version,
          JSON.stringify(self.settings),
          self.metricsToken ?? null,
        )
      return found
    })
    if (dissenters.length > 0) return dissenters
    clearInterval(again)
    again = setInterval(() => void stay(self, onDissent), AGAIN_MS).unref()
    return []
  }

  const stay: (...given: Parameters<Replicas['join']>) => Promise<void> = async (...given) => {
    try {
      const sql = `UPDATE replica SET seen_at = clock_timestamp() WHERE id = ? AND ${COMMITS_LOCALLY}`
      if ((await outside.run(sql, id)) > 0) return
      const dissenters = await join(...given)
      if (dissenters.length > 0) given[1](dissenters)
    } catch {
      // The server cannot be reached now.
    }
  }

  return {
    join,
    /** Never rejects: if it fails, the others stop counting this replica after a while. */
    leave: async (): Promise<void> => {
      clearInterval(again)
      if (again)
        await outside
          .run(`DELETE FROM replica WHERE id = ? AND ${COMMITS_LOCALLY}`, id)
          .catch(() => {})
    },
  } satisfies Replicas & { readonly leave: () => Promise<void> }
}

export type RunningReplica = {
  readonly name: string
  readonly version: string
  readonly leads: boolean
  /** A hash of its metrics token; null if it has none. */
  readonly metricsToken: string | null
  /** How long it has been silent, if that is longer than usual: it may have died. */
  readonly silentMs?: number | undefined
}

/** Returns the running replicas, ordered by name. */
export const runningReplicas = async (
  queries: Pick<Queries, 'all'>,
): Promise<readonly RunningReplica[]> => {
  const rows = await queries.all<Row>(
    `SELECT
       r.name,
       r.version,
       r.metrics_token AS "metricsToken",
       CAST(extract(epoch FROM clock_timestamp() - r.seen_at) * 1000 AS bigint) AS "silenceMs",
       CASE WHEN l.holder = r.id AND l.ends_at > clock_timestamp() THEN 1 ELSE 0 END AS leads
     FROM replica r
     LEFT JOIN lease l ON l.id = 1
     WHERE NOT ${IS_GONE}
     ORDER BY r.name, r.id`,
  )
  return rows.map(({ leads, silenceMs, ...row }) => ({
    ...row,
    leads: leads === 1,
    silentMs: silenceMs > USUAL_MS_MAX ? silenceMs : undefined,
  }))
}

type Row = Pick<RunningReplica, 'name' | 'version' | 'metricsToken'> & {
  readonly leads: number
  readonly silenceMs: number
}

/** Returns the settings that both replicas know and that differ: a newer version may know more. */
const differences = (own: ReplicaSelf['settings'], theirs: ReplicaSelf['settings']) =>
  Object.entries(own)
    .filter(([name, value]) => (theirs[name] ?? value) !== value)
    .map(([name]) => name)

/** Returns the error for a replica whose settings differ from those of running replicas. */
export const dissent = (dissenters: readonly Dissenter[]): AppError => {
  const settings = [...new Set(dissenters.flatMap((one) => one.settings))].join(', ')
  const names = dissenters.map(({ name }) => name).join(', ')
  return new AppError(
    'unavailable',
    `Other replicas of this home (${names}) run with different values of ${settings}: use the same values, or stop those replicas`,
  )
}
