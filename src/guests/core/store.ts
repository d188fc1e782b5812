import type { Queries } from '../../storage/database.ts'

/** A pass of a guest who is not erased. */
export type Pass = {
  readonly id: string
  readonly label: string
  /** The public id of the host; null for the command line, or an erased host. */
  readonly madeBy: string | null
  readonly devicesMax: number
  readonly lookedAtMs: number | null
  /** The newest request for help, and the newest refusal of one device too many, until the host has dealt with them. */
  readonly askedAtMs: number | null
  readonly refusedAtMs: number | null
  readonly createdAtMs: number
  readonly revokedAtMs: number | null
}

/** A device on which a pass is used. */
export type PassDevice = {
  readonly id: string
  readonly passId: string
  /** Such as `iPhone`. */
  readonly name: string
  /** An uncompressed point of P-256; null for a browser that cannot sign. */
  readonly publicKey: Uint8Array | null
  readonly boundAtMs: number
  readonly seenAtMs: number
  readonly removedAtMs: number | null
}

/** Which passes of a list; `ended` includes those that were revoked. */
export const PASS_FILTERS = ['now', 'later', 'ended'] as const
export type PassFilter = (typeof PASS_FILTERS)[number]

type Page = {
  /** Only those of this host. */
  readonly madeBy?: string | undefined
  readonly state?: PassFilter | undefined
  readonly nowMs: number
  readonly beforeId: string | undefined
  readonly limit: number
}

type NewDevice = Pick<PassDevice, 'id' | 'passId' | 'name' | 'publicKey'> & {
  readonly cookieHash: Buffer
  readonly nowMs: number
}

/** Passes and their devices, as one transaction or reader sees them. */
export const passesIn = (queries: Pick<Queries, 'all' | 'get' | 'run'>) => {
  const one = async (condition: string, value: string | Buffer): Promise<Pass | undefined> =>
    queries.get<Pass>(
      `SELECT ${PASS} FROM pass WHERE ${condition} AND pass.erased_at_ms IS NULL`,
      value,
    )
  const set = (assignments: string, id: string, ...values: readonly (string | number | null)[]) =>
    queries.run(`UPDATE pass SET ${assignments} WHERE id = ?`, ...values, id)

  return {
    add: async (
      pass: Pick<Pass, 'id' | 'label' | 'madeBy' | 'devicesMax' | 'createdAtMs'>,
      codeHash: Buffer,
    ): Promise<void> => {
      await queries.run(
        `INSERT INTO pass (id, code_hash, label, made_by, devices_max, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?)`,
        pass.id,
        codeHash,
        pass.label,
        pass.madeBy,
        pass.devicesMax,
        pass.createdAtMs,
      )
    },

    find: (id: string) => one('pass.id = ?', id),
    findByCode: (codeHash: Buffer) => one('pass.code_hash = ?', codeHash),

    /** Returns a page, newest first. */
    page: ({ madeBy, state, nowMs, beforeId, limit }: Page): Promise<readonly Pass[]> =>
      queries.all<Pass>(
        `SELECT ${PASS}
         FROM pass
         JOIN access_grant ON access_grant.holder = 'pass:' || pass.id
         WHERE pass.erased_at_ms IS NULL
           AND pass.id < ?
           ${madeBy === undefined ? '' : 'AND pass.made_by = ?'}
           ${state === undefined ? '' : `AND ${IN_STATE[state]}`}
         ORDER BY pass.id DESC
         LIMIT ?`,
        beforeId ?? AFTER_EVERY_ID,
        ...(madeBy === undefined ? [] : [madeBy]),
        ...(state === undefined ? [] : [nowMs]),
        ...(state === undefined || state === 'ended' ? [] : [nowMs]),
        limit,
      ),

    /** Returns how many passes of a host have neither ended nor been revoked, up to `max`. */
    countLive: async (madeBy: string, nowMs: number, max: number): Promise<number> => {
      const row = await queries.get<{ count: number }>(
        `SELECT count(*) AS count
         FROM (
           SELECT 1
           FROM pass
           JOIN access_grant ON access_grant.holder = 'pass:' || pass.id
           WHERE pass.made_by = ? AND NOT ${IS_OVER}
           LIMIT ?
         ) AS live`,
        madeBy,
        nowMs,
        max,
      )
      return row?.count ?? 0
    },

    /** Returns the id of the grant that a pass opens doors by. */
    grantIdOf: async (id: string): Promise<string | undefined> =>
      (
        await queries.get<{ id: string }>(
          "SELECT id FROM access_grant WHERE holder = 'pass:' || ?",
          id,
        )
      )?.id,

    noteLooked: (id: string, nowMs: number) =>
      set('looked_at_ms = coalesce(looked_at_ms, ?)', id, nowMs),
    noteAsked: (id: string, nowMs: number) => set('asked_at_ms = ?', id, nowMs),
    noteRefused: (id: string, nowMs: number) => set('refused_at_ms = ?', id, nowMs),
    noteHandled: (id: string) => set('asked_at_ms = NULL, refused_at_ms = NULL', id),
    setLabel: (id: string, label: string) => set('label = ?', id, label),
    setDevicesMax: (id: string, max: number) => set('devices_max = ?', id, max),
    setCode: (id: string, codeHash: Buffer) =>
      queries.run('UPDATE pass SET code_hash = ? WHERE id = ?', codeHash, id),

    /** Ends a pass, its link and its devices. */
    end: async (id: string, nowMs: number): Promise<void> => {
      await set('code_hash = NULL, revoked_at_ms = coalesce(revoked_at_ms, ?)', id, nowMs)
      await passesIn(queries).removeDevices(id, nowMs)
    },

    /** Returns the devices of passes, in the order in which they were bound. */
    devicesOf: async (ids: readonly string[]): Promise<readonly PassDevice[]> => {
      const rows = await queries.all<DeviceRow>(
        `SELECT ${DEVICE}
         FROM pass_device
         WHERE pass_device.pass_id IN (SELECT value FROM json_each(?))
         ORDER BY pass_device.id`,
        JSON.stringify(ids),
      )
      return rows.map(deviceOf)
    },

    findDeviceByCookie: async (cookieHash: Buffer): Promise<PassDevice | undefined> => {
      const row = await queries.get<DeviceRow>(
        `SELECT ${DEVICE} FROM pass_device WHERE cookie_hash = ? AND removed_at_ms IS NULL`,
        cookieHash,
      )
      return row && deviceOf(row)
    },

    /** Adds a device. Returns false if the pass has as many as it may. */
    addDevice: async (device: NewDevice): Promise<boolean> => {
      const added = await queries.run(
        `INSERT INTO pass_device (
           id,
           pass_id,
           cookie_hash,
           public_key,
           name,
           bound_at_ms,
           seen_at_ms
         )
         SELECT ?, pass.id, ?, ?, ?, ?, ?
         FROM pass
         WHERE pass.id = ?
           AND pass.devices_max > (
             SELECT count(*) FROM pass_device WHERE pass_id = pass.id AND removed_at_ms IS NULL
           )`,
        device.id,
        device.cookieHash,
        device.publicKey,
        device.name,
        device.nowMs,
        device.nowMs,
        device.passId,
      )
      return added === 1
    },

    /** Replaces the key of a device, whose statements count from 1 again. Returns false if it was removed. */
    setKey: async (deviceId: string, publicKey: Uint8Array): Promise<boolean> => {
      const changed = await queries.run(
        `UPDATE pass_device SET public_key = ?, counter = 0 WHERE id = ? AND removed_at_ms IS NULL`,
        publicKey,
        deviceId,
      )
      return changed === 1
    },

    /** Returns how many it removed. */
    removeDevices: (passId: string, nowMs: number, deviceId?: string): Promise<number> =>
      queries.run(
        `UPDATE pass_device
         SET removed_at_ms = ?, cookie_hash = NULL, public_key = NULL
         WHERE pass_id = ? AND removed_at_ms IS NULL ${deviceId === undefined ? '' : 'AND id = ?'}`,
        nowMs,
        passId,
        ...(deviceId === undefined ? [] : [deviceId]),
      ),
  }
}

const AFTER_EVERY_ID = '~'

const PASS = `
  pass.id,
  pass.label,
  pass.made_by AS "madeBy",
  pass.devices_max AS "devicesMax",
  pass.looked_at_ms AS "lookedAtMs",
  pass.asked_at_ms AS "askedAtMs",
  pass.refused_at_ms AS "refusedAtMs",
  pass.created_at_ms AS "createdAtMs",
  pass.revoked_at_ms AS "revokedAtMs"`

/** Stands for no end, and for any number of uses. */
const NEVER_MS = '9223372036854775807'

const IS_OVER = `(
  access_grant.revoked_at_ms IS NOT NULL
  OR coalesce(access_grant.ends_at_ms, ${NEVER_MS}) <= ?
  OR access_grant.uses >= coalesce(access_grant.uses_max, ${NEVER_MS})
)`
const STARTS_LATER = 'coalesce(access_grant.starts_at_ms, 0) > ?'
const IN_STATE: Readonly<Record<PassFilter, string>> = {
  now: `NOT ${IS_OVER} AND NOT ${STARTS_LATER}`,
  later: `NOT ${IS_OVER} AND ${STARTS_LATER}`,
  ended: IS_OVER,
}

type DeviceRow = {
  id: string
  pass_id: string
  name: string | null
  public_key: Uint8Array | null
  bound_at_ms: number
  seen_at_ms: number
  removed_at_ms: number | null
}

const DEVICE = `
  pass_device.id,
  pass_device.pass_id,
  pass_device.name,
  pass_device.public_key,
  pass_device.bound_at_ms,
  pass_device.seen_at_ms,
  pass_device.removed_at_ms`

const deviceOf = (row: DeviceRow): PassDevice => ({
  id: row.id,
  passId: row.pass_id,
  name: row.name ?? '',
  publicKey: row.public_key,
  boundAtMs: row.bound_at_ms,
  seenAtMs: row.seen_at_ms,
  removedAtMs: row.removed_at_ms,
})
