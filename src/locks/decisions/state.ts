import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { holdersOf } from '../grants/holder.ts'
import type { Grant, Home } from '../rules/grant.ts'
import type { Attempt, DecidedAttempt } from './attempt.ts'
import { type Place, grantReads, placesOf } from './grants-store.ts'
import { type DeviceNow, type DeviceSeen, type PassNow, guestReads } from './guests-store.ts'
import { guestPlaces } from './guests.ts'
import { type HolderNow, type LockNow, type Uses, decisionReads } from './store.ts'

/** The state that a group of attempts is decided on. Each plan updates it for the attempts that follow. */
export type DecisionState = {
  readonly attempts: Map<string, DecidedAttempt>
  readonly locks: ReadonlyMap<string, LockNow>
  /** Those who ask, and the hosts of guests. */
  readonly holders: ReadonlyMap<string, HolderNow>
  readonly passes: ReadonlyMap<string, PassNow>
  readonly devices: Map<string, DeviceNow>
  /** Returns the grants at these places. */
  readonly grantsAt: (places: readonly Place[]) => readonly Grant[]
  /** Grants that attempts of the group have used, as they are afterwards. */
  readonly used: Map<string, Grant>
  readonly home: Home
  readonly added: DecidedAttempt[]
  readonly uses: Map<string, Uses>
  readonly seen: Map<string, DeviceSeen>
}

/** Reads the state that a group of attempts is decided on. */
export const loadState = async (
  tx: Queries,
  attempts: readonly Attempt[],
  homeWith: HomeWith,
): Promise<DecisionState> => {
  const reads = decisionReads(tx)
  const known = await reads.attempts(attempts.map(({ id }) => id))
  const locks = await reads.locks([...new Set(attempts.map(({ lock }) => lock))])
  const guests = attempts.flatMap(({ who }) => ('pass' in who ? [who.pass] : []))
  const passes = await guestReads(tx).passes(guests.map(({ id }) => id))
  const devices = await guestReads(tx).devices(guests.flatMap(({ deviceId }) => deviceId ?? []))
  const publicIds = [
    ...attempts.flatMap(({ who }) => ('account' in who ? [who.account.publicId] : [])),
    ...[...passes.values()].flatMap(({ madeBy }) => madeBy ?? []),
  ]
  const holders = await reads.holders([...new Set(publicIds)])
  const placesFor = (lockId: string, who: Attempt['who']): readonly (readonly Place[])[] => {
    if ('account' in who) {
      const holder = holders.get(who.account.publicId)
      return holder ? [placesOf(lockId, holdersOf(holder))] : []
    }
    const pass = passes.get(who.pass.id)
    return pass ? guestPlaces(lockId, pass, holders.get(pass.madeBy ?? '')) : []
  }
  const asked = attempts.flatMap(({ id, lock: label, who }) => {
    const lock = locks.get(label)
    return lock && !known.has(id) ? placesFor(lock.id, who) : []
  })
  const grants = await grantReads(tx).at(asked, Math.min(...attempts.map(timeMs)))
  const used = new Map<string, Grant>()
  const needsHolidays = asked.some((places) =>
    grants.of(places).some(({ terms }) => terms.holidays !== 'ignore'),
  )
  const holidays = needsHolidays ? await reads.holidays(...datesAround(attempts)) : NO_HOLIDAYS
  return {
    attempts: new Map(known),
    locks,
    holders,
    passes,
    devices: new Map(devices),
    grantsAt: (places) => grants.of(places).map((grant) => used.get(grant.id) ?? grant),
    used,
    home: homeWith(holidays),
    added: [],
    uses: new Map(),
    seen: new Map(),
  }
}

/** The time of an attempt, or 0 while the clock is not trusted, so that grants count as live. */
const timeMs = ({ nowMs, isDoubted }: Attempt): number => (isDoubted ? 0 : nowMs)

/** A window that is open now began at most two days ago, on a date that may be another in UTC. */
const HOLIDAYS_BEFORE_MS = 4 * DAY_MS
const HOLIDAYS_AFTER_MS = 2 * DAY_MS

/** Returns the first and the last date whose holidays matter to attempts. One of them may doubt a clock that the
 * others, which came after it was set right, do not. */
const datesAround = (attempts: readonly Attempt[]): readonly [string, string] => {
  const times = attempts.map(({ nowMs }) => nowMs)
  return [
    dateOf(Math.min(...times) - HOLIDAYS_BEFORE_MS),
    dateOf(Math.max(...times) + HOLIDAYS_AFTER_MS),
  ]
}

const NO_HOLIDAYS: ReadonlyMap<string, string> = new Map()

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export type HomeWith = (holidays: ReadonlyMap<string, string>) => Home

/** Returns the home with its holidays. It is the same object until they change, because intervals of windows
 * are cached by it. */
export const homes = (zone: () => string): HomeWith => {
  let last: Home | undefined
  return (holidays) => {
    if (!last || !Bun.deepEquals(last.holidays, holidays))
      last = { zone: last?.zone ?? zone(), holidays }
    return last
  }
}
