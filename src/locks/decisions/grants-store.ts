import type { Queries } from '../../storage/database.ts'
import type { Grant } from '../rules/grant.ts'
import { ALL_LOCKS } from '../grants/reads-store.ts'
import { termsFrom } from '../rules/terms.ts'

/** A lock and a holder: the key by which the index of grants is read. */
export type Place = { readonly lockId: string; readonly holder: string }

/** Returns where to look for the grants of holders for a lock. */
export const placesOf = (lockId: string, holders: readonly string[]): readonly Place[] =>
  holders.flatMap((holder) => [
    { lockId, holder },
    { lockId: ALL_LOCKS, holder },
  ])

/** How many ended grants are read for a lock and a holder, newest first: enough to say why nothing opens. */
const ENDED_MAX = 20

/** How many other grants are read for a lock and a holder, latest end first: as many as a holder may have at a
 * time. */
const GRANTS_MAX = 200

type GrantRow = {
  lock_id: string
  holder: string
  id: string
  version: number
  terms: string
  starts_at_ms: number | null
  ends_at_ms: number | null
  revoked_at_ms: number | null
  suspended_at_ms: number | null
  uses: number
  uses_max: number | null
  used_at_ms: number | null
  used_by: string | null
}

const COLUMNS = `
  place.value ->> 0 AS lock_id,
  place.value ->> 1 AS holder,
  access_grant.id,
  access_grant.version,
  access_grant.terms,
  access_grant.starts_at_ms,
  access_grant.ends_at_ms,
  access_grant.revoked_at_ms,
  access_grant.suspended_at_ms,
  access_grant.uses,
  access_grant.uses_max,
  access_grant.used_at_ms,
  access_grant.used_by`

/** Grants by place. */
export type GrantsByPlace = { readonly of: (places: readonly Place[]) => readonly Grant[] }

/** Reads grants for decisions, for many locks and holders in one statement. Each place is one range of the
 * index `access_grant_lock`, however many grants there are. */
export const grantReads = (db: Pick<Queries, 'all'>) => {
  const read = async (
    sql: string,
    places: readonly Place[],
    ...params: readonly number[]
  ): Promise<GrantsByPlace> => {
    const asked = [...new Map(places.map((place) => [keyOf(place), place])).values()]
    const json = JSON.stringify(asked.map(({ lockId, holder }) => [lockId, holder]))
    const rows = asked.length === 0 ? [] : await db.all<GrantRow>(sql, json, ...params)
    return byPlace(rows)
  }
  return {
    /** Returns, for each list of places, the grants that matter to decisions at a time: those that have not
     * ended or, if there are none, the newest ended ones, which say why. */
    at: async (asked: readonly (readonly Place[])[], nowMs: number): Promise<GrantsByPlace> => {
      const live = await read(LIVE, asked.flat(), nowMs)
      const without = asked.filter((places) => live.of(places).length === 0)
      const ended = await read(ENDED, without.flat(), nowMs)
      return { of: (places) => [...live.of(places), ...ended.of(places)] }
    },

    /** Returns grants of any time. */
    all: (places: readonly Place[]) => read(ALL, places),
  }
}

const newest = (condition: string, max: number) => `
  SELECT ${COLUMNS}
  FROM json_each(?) AS place
  CROSS JOIN access_grant ON access_grant.id IN (
    SELECT opened.grant_id
    FROM access_grant_lock AS opened
    WHERE opened.lock_id = place.value ->> 0
      AND opened.holder = place.value ->> 1
      ${condition}
    ORDER BY opened.closed_at_ms DESC
    LIMIT ${max}
  )
  WHERE access_grant.terms IS NOT NULL`

const LIVE = newest('AND opened.closed_at_ms > ?', GRANTS_MAX)

const ENDED = newest('AND opened.closed_at_ms <= ?', ENDED_MAX)

const ALL = newest('', GRANTS_MAX)

const keyOf = ({ lockId, holder }: Place): string => `${lockId} ${holder}`

const byPlace = (rows: readonly GrantRow[]): GrantsByPlace => {
  const grants = new Map<string, Grant[]>()
  for (const row of rows) {
    const key = keyOf({ lockId: row.lock_id, holder: row.holder })
    const known = grants.get(key)
    if (known) known.push(grantOf(row))
    else grants.set(key, [grantOf(row)])
  }
  return { of: (places) => places.flatMap((place) => grants.get(keyOf(place)) ?? []) }
}

const grantOf = (row: GrantRow): Grant => ({
  id: row.id,
  version: row.version,
  terms: termsFrom(row.terms),
  startsAtMs: row.starts_at_ms,
  endsAtMs: row.ends_at_ms,
  revokedAtMs: row.revoked_at_ms,
  suspendedAtMs: row.suspended_at_ms,
  uses: row.uses,
  usesMax: row.uses_max,
  usedAtMs: row.used_at_ms,
  usedBy: row.used_by,
})
