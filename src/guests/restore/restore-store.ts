import type { Queries } from '../../storage/database.ts'
import type { ReadOnlyDatabase } from '../../storage/open.ts'

type PassRow = {
  readonly id: string
  readonly code_hash: Uint8Array | null
  readonly devices_max: number
  readonly erased_at_ms: number | null
}

type DeviceRow = {
  readonly id: string
  readonly pass_id: string
  readonly cookie_hash: Uint8Array | null
  readonly public_key: Uint8Array | null
  readonly counter: number
  readonly name: string | null
  readonly bound_at_ms: number
  readonly seen_at_ms: number
  readonly removed_at_ms: number | null
}

/** The passes of the data that a backup replaces, and the phones that use them. */
export type LivePasses = {
  readonly passes: readonly PassRow[]
  readonly devices: readonly DeviceRow[]
}

export const NO_PASSES: LivePasses = { passes: [], devices: [] }

/** The first schema with passes. */
const GUESTS_SCHEMA = 18

/** Reads them from a database. */
export const livePasses = async ({
  all,
  schemaVersion,
}: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>): Promise<LivePasses> =>
  schemaVersion < GUESTS_SCHEMA ? NO_PASSES : passesIn({ all })

const passesIn = async ({ all }: Pick<Queries, 'all'>): Promise<LivePasses> => ({
  passes: await all<PassRow>('SELECT id, code_hash, devices_max, erased_at_ms FROM pass'),
  devices: await all<DeviceRow>(
    `SELECT
       id,
       pass_id,
       cookie_hash,
       public_key,
       counter,
       name,
       bound_at_ms,
       seen_at_ms,
       removed_at_ms
     FROM pass_device`,
  ),
})

type Reapplied = { readonly changed: number; readonly erased: readonly string[] }

/** Sets the current link and phones of the passes in a restored database, so that a link that was replaced
 * and a phone that was removed let nobody in again, and no signed statement counts twice. Unless the current data
 * `isNewer` than the backup for certain, only the link and the phones that are in both stay. Returns how many passes
 * had another link or phone, and the ids of those that were erased since. */
export const reapplyPassesIn = async (
  tx: Pick<Queries, 'all' | 'run'>,
  live: LivePasses,
  { isNewer }: { readonly isNewer: boolean },
): Promise<Reapplied> => {
  const then = await passesIn(tx)
  const known = new Map(then.passes.map((pass) => [pass.id, pass]))
  const devices = Map.groupBy(live.devices, (device) => device.pass_id)
  const inUse = new Set(
    live.devices.flatMap(({ id, removed_at_ms: removed }) => (removed === null ? id : [])),
  )
  const withdrawn = new Set(
    then.devices.flatMap((device) =>
      device.removed_at_ms === null && !inUse.has(device.id) ? device.pass_id : [],
    ),
  )
  const thenInUse = new Map(
    then.devices.flatMap((device) => (device.removed_at_ms === null ? [[device.id, device]] : [])),
  )
  let changed = 0
  const erased: string[] = []
  for (const { id, code_hash: code, devices_max: max, erased_at_ms: erasedAtMs } of live.passes) {
    const before = known.get(id)
    if (!before || before.erased_at_ms !== null) continue
    if (erasedAtMs !== null) {
      erased.push(id)
      continue
    }
    const isSameLink = Bun.deepEquals(code, before.code_hash)
    if (withdrawn.has(id) || !isSameLink) changed += 1
    const link = isNewer || isSameLink ? code : null
    await tx.run('UPDATE pass SET code_hash = ?, devices_max = ? WHERE id = ?', link, max, id)
    await tx.run('DELETE FROM pass_device WHERE pass_id = ?', id)
    for (const device of devices.get(id) ?? []) {
      const earlier = thenInUse.get(device.id)
      const counter = Math.max(device.counter, earlier?.counter ?? 0)
      if (isNewer || earlier) await insertDevice(tx, { ...device, counter })
    }
  }
  return { changed, erased }
}

const insertDevice = async (tx: Pick<Queries, 'run'>, device: DeviceRow): Promise<void> => {
  await tx.run(
    `INSERT INTO pass_device (
       id,
       pass_id,
       cookie_hash,
       public_key,
       counter,
       name,
       bound_at_ms,
       seen_at_ms,
       removed_at_ms
     )
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    device.id,
    device.pass_id,
    device.cookie_hash,
    device.public_key,
    device.counter,
    device.name,
    device.bound_at_ms,
    device.seen_at_ms,
    device.removed_at_ms,
  )
}
