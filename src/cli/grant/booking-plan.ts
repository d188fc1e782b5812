import type { StoredGrant } from '../../locks/grants/reads-store.ts'
import type { Booking } from './bookings.ts'

/** What an import does about one booking or one grant that it made before. */
export type Step =
  | { readonly does: 'make'; readonly key: string; readonly booking: Booking }
  | { readonly does: 'change'; readonly grant: StoredGrant; readonly booking: Booking }
  | { readonly does: 'revoke'; readonly grant: StoredGrant; readonly why: string }
  /** Nothing: it is as it should be, is over, or was revoked by somebody. */
  | { readonly does: 'keep' | 'skip' | 'leave' }

type Planning = {
  readonly calendar: string
  /** The grants of earlier imports of this calendar. */
  readonly known: readonly StoredGrant[]
  /** Labels of locks. */
  readonly locks: readonly string[] | 'all'
  readonly nowMs: number
}

/** Returns what makes the grants of a calendar match its bookings: each booking that is not over has one, and a booking
 * that is gone or cancelled has none. A grant that was revoked stays so. */
export const bookingPlan = (
  bookings: readonly Booking[],
  { calendar, known, locks, nowMs }: Planning,
): readonly Step[] => {
  const grants = new Map(known.map((grant) => [grant.key, grant]))
  const wanted = new Map(bookings.map((booking) => [bookingKey(calendar, booking.uid), booking]))
  const ofBookings = [...wanted].map(([key, booking]): Step => {
    const grant = grants.get(key)
    if (booking.isCancelled)
      return grant ? ended(grant, 'booking cancelled', nowMs) : { does: 'skip' }
    if (booking.endMs <= nowMs) return { does: 'skip' }
    if (!grant) return { does: 'make', key, booking }
    if (grant.revokedAtMs !== null) return { does: 'leave' }
    return isAsBooked(grant, booking, locks) ? { does: 'keep' } : { does: 'change', grant, booking }
  })
  const gone = known.filter(({ key }) => !wanted.has(key ?? ''))
  return [...ofBookings, ...gone.map((grant) => ended(grant, 'booking removed', nowMs))]
}

const ended = (grant: StoredGrant, why: string, nowMs: number): Step =>
  grant.revokedAtMs !== null || (grant.endsAtMs ?? Infinity) <= nowMs
    ? { does: 'skip' }
    : { does: 'revoke', grant, why }

const isAsBooked = (
  { startsAtMs, endsAtMs, locks: held }: StoredGrant,
  { startMs, endMs }: Booking,
  locks: Planning['locks'],
): boolean =>
  startsAtMs === startMs &&
  endsAtMs === endMs &&
  Bun.deepEquals(
    held === 'all' ? held : held.map(({ label }) => label).toSorted(),
    locks === 'all' ? locks : [...new Set(locks)].toSorted(),
  )

/** Returns what the keys of all bookings of a calendar begin with. */
export const calendarPrefix = (calendar: string): string =>
  `ics:${calendar.replaceAll(/[:%]/g, encodeURIComponent)}:`

/** Returns the key of the grant for a booking. A long UID is replaced by its SHA-256. */
export const bookingKey = (calendar: string, uid: string): string => {
  const key = calendarPrefix(calendar) + uid
  const hash = () => new Bun.CryptoHasher('sha256').update(uid).digest('hex')
  return key.length <= KEY_CHARACTERS_MAX ? key : calendarPrefix(calendar) + hash()
}

const KEY_CHARACTERS_MAX = 200

/** With this, there is room for the hash of a UID. */
export const CALENDAR_CHARACTERS_MAX = 40
