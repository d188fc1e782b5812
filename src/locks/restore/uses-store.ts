import type { Queries } from '../../storage/database.ts'

type Used = { readonly id: string; readonly uses: number }

/** Raises how often grants have been used, at most to how often they may be. */
export const raiseUses = async (tx: Pick<Queries, 'run'>, used: readonly Used[]): Promise<void> => {
  await tx.run(
    `UPDATE access_grant
     SET uses = max(uses, min(CAST(used.value ->> 'uses' AS bigint), uses_max))
     FROM json_each(?) AS used
     WHERE access_grant.id = used.value ->> 'id' AND uses_max IS NOT NULL`,
    JSON.stringify(used),
  )
}
