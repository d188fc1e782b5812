import type { Caller } from '../../http/authorization.ts'
import type { Queries } from '../../storage/database.ts'
import type { GuestLocks, PassGrant } from '../core/access.ts'
import { isInApp } from '../core/device-name.ts'
import { passStateOf } from '../core/state.ts'
import { type Pass, passesIn } from '../core/store.ts'
import type { GuestPassJson } from './schema.ts'

type Dependencies = {
  readonly db: Pick<Queries, 'all' | 'get' | 'run'>
  readonly locks: Pick<GuestLocks, 'grantOf' | 'all' | 'mayOpen' | 'isSuspended'>
  readonly zone: () => string
  /** Returns the name of an account; undefined if it is gone. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
}

/** Returns functions that show passes to their guests. */
export const guestViews = ({ db, locks, zone, nameOf }: Dependencies) => {
  const hostName = async ({ madeBy }: Pick<Pass, 'madeBy'>): Promise<string | null> =>
    madeBy === null ? null : ((await nameOf(madeBy)) ?? null)

  /** Returns the locks that a grant is for, without retired ones. */
  const doorsOf = async ({ locks: labels }: Pick<PassGrant, 'locks'>) =>
    (await locks.all()).filter(
      ({ label, state }) => state !== 'retired' && (labels === 'all' || labels.includes(label)),
    )

  return {
    hostName,
    doorsOf,

    /** Returns what a guest sees of a pass; undefined once it is erased. */
    viewOf: async (pass: Pass, caller: Caller): Promise<GuestPassJson | undefined> => {
      const found = await locks.grantOf(pass.id)
      if (!found) return undefined
      const { grant, words } = found
      const doors = await doorsOf(grant)
      const labels = doors.map(({ label }) => label)
      const openings = await locks.mayOpen(caller, pass.id, labels)
      const nextMs = openings.flatMap(({ nextAtMs }) => nextAtMs ?? [])
      const isOpen = openings.some(({ mayOpen }) => mayOpen)
      const devices = await passesIn(db).devicesOf([pass.id])
      return {
        host: await hostName(pass),
        label: pass.label,
        home_zone: zone(),
        doors: doors.map(({ id, label, name }) => ({ id, lock: label, name })),
        words,
        starts_at: grant.starts_at,
        ends_at: grant.ends_at,
        occurs: grant.occurs.map(({ from, until }) => ({ from, until })),
        uses: grant.uses === null ? null : { number: grant.used ?? 0, max: grant.uses },
        state: passStateOf(grant, await locks.isSuspended(pass.id, labels)),
        bound: {
          count: devices.filter(({ removedAtMs }) => removedAtMs === null).length,
          max: pass.devicesMax,
        },
        next_at: isOpen || nextMs.length === 0 ? null : new Date(Math.min(...nextMs)).toISOString(),
        in_app: isInApp(caller.userAgent),
      }
    },
  }
}

export type GuestViews = ReturnType<typeof guestViews>
