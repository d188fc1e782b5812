import type { Queries } from '../../storage/database.ts'

/** A pass as decisions read it. */
export type PassNow = {
  readonly id: string
  /** The guest's name. */
  readonly label: string
  /** The public id of the host; null for the command line. */
  readonly madeBy: string | null
}

/** A device of a guest as decisions read it. */
export type DeviceNow = {
  readonly id: string
  readonly passId: string
  readonly isRemoved: boolean
  /** Its public key in hexadecimal; null if it has none, and signs nothing. */
  readonly key: string | null
  /** The counter of its newest statement. */
  readonly counter: number
}

/** What a decision changes about a device. */
export type DeviceSeen = Pick<DeviceNow, 'id' | 'counter'> & { readonly atMs: number }

/** Reads what decisions on guests depend on, for many attempts in one statement each. */
export const guestReads = (db: Pick<Queries, 'all'>) => ({
  /** Leaves out those of erased guests. */
  passes: async (ids: readonly string[]): Promise<ReadonlyMap<string, PassNow>> => {
    const rows = await read<PassNow>(
      db,
      `SELECT pass.id, pass.label, pass.made_by AS "madeBy"
       FROM pass
       WHERE pass.id IN (SELECT value FROM json_each(?)) AND pass.erased_at_ms IS NULL`,
      ids,
    )
    return new Map(rows.map((row) => [row.id, row]))
  },

  devices: async (ids: readonly string[]): Promise<ReadonlyMap<string, DeviceNow>> => {
    const rows = await read<DeviceRow>(
      db,
      `SELECT
         device.id,
         device.pass_id,
         device.public_key,
         device.counter,
         device.removed_at_ms
       FROM pass_device AS device
       WHERE device.id IN (SELECT value FROM json_each(?))`,
      ids,
    )
    return new Map(rows.map((row) => [row.id, deviceOf(row)]))
  },
})

/** Stores the newest counters of devices, and when they were seen. */
export const noteDevices = async (
  tx: Pick<Queries, 'run'>,
  devices: readonly DeviceSeen[],
): Promise<void> => {
  if (devices.length === 0) return
  await tx.run(
    `UPDATE pass_device
     SET
       counter = max(counter, CAST(seen.value ->> 'counter' AS bigint)),
       seen_at_ms = CAST(seen.value ->> 'atMs' AS bigint)
     FROM json_each(?) AS seen
     WHERE pass_device.id = seen.value ->> 'id'`,
    JSON.stringify(devices),
  )
}

/** Most groups of attempts have no guest. */
const read = async <Row>(
  db: Pick<Queries, 'all'>,
  sql: string,
  ids: readonly string[],
): Promise<readonly Row[]> =>
  ids.length === 0 ? [] : db.all<Row>(sql, JSON.stringify([...new Set(ids)]))

type DeviceRow = {
  id: string
  pass_id: string
  public_key: Uint8Array | null
  counter: number
  removed_at_ms: number | null
}

const deviceOf = (row: DeviceRow): DeviceNow => ({
  id: row.id,
  passId: row.pass_id,
  isRemoved: row.removed_at_ms !== null,
  key: row.public_key?.toHex() ?? null,
  counter: row.counter,
})
