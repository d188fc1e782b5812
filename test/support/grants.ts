import type { Asking } from '../../src/locks/rules/decide.ts'
import {
  type Day,
  DAYS,
  type Grant,
  type Home,
  type Interval,
  type Terms,
} from '../../src/locks/rules/grant.ts'

/** Milliseconds since 1970 of a time of RFC 3339, with or without seconds. */
export const at = (time: string): number => Temporal.Instant.from(time).epochMilliseconds

export const interval = (from: string, until: string): Interval => ({
  fromMs: at(from),
  untilMs: at(until),
})

export const homeIn = (zone: string, holidays: readonly string[] = []): Home => ({
  zone,
  holidays: new Map(holidays.map((date) => [date, 'Holiday'])),
})

export const berlin = homeIn('Europe/Berlin')

/** Terms with weekly windows, written as `mon,tue 08:00-12:00; sat 22:00-06:00`. */
export const weekly = (windows: string): Terms => ({
  windows: windows
    .split('; ')
    .filter(Boolean)
    .map((window) => {
      const [, days = '', from = '', until = ''] = /^(\S+) (\S+)-(\S+)$/.exec(window) ?? []
      return { days: days.split(',').filter(isDay), from, until }
    }),
  holidays: 'ignore',
  homeNetwork: false,
})

const isDay = (text: string): text is Day => DAYS.some((day) => day === text)

/** The dates and windows of a grant. */
export const timed = (
  terms: Terms,
  { startsAtMs = null, endsAtMs = null }: Partial<Pick<Grant, 'startsAtMs' | 'endsAtMs'>> = {},
): Pick<Grant, 'terms' | 'startsAtMs' | 'endsAtMs'> => ({ terms, startsAtMs, endsAtMs })

/** A grant that is always open, but for what is given. */
export const grantOf = (parts: Partial<Grant> = {}): Grant => ({
  id: 'grant-1',
  version: 1,
  terms: { windows: undefined, holidays: 'ignore', homeNetwork: false },
  startsAtMs: null,
  endsAtMs: null,
  revokedAtMs: null,
  suspendedAtMs: null,
  uses: 0,
  usesMax: null,
  usedAtMs: null,
  usedBy: null,
  ...parts,
})

/** A member at an enabled lock in Berlin, on Monday 2026-11-30 at noon there, but for what is given. */
export const askingOf = (parts: Partial<Asking> = {}): Asking => ({
  lock: { state: 'enabled', lockdowns: [] },
  holder: { role: 'member', isDisabled: false, isAdmitted: true, endsAtMs: null },
  grants: [],
  home: berlin,
  nowMs: at('2026-11-30T11:00Z'),
  isClockDoubted: false,
  isHome: true,
  visitor: 'session-1 front-door',
  ...parts,
})
