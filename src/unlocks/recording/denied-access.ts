import { DEFAULT_LOCK } from '../../domain/access.ts'
import { type Account, isNewcomer } from '../../domain/account.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import type { Clock } from '../../domain/clock.ts'
import { type DayTally, addTo, dayFullForMs, hourOf } from '../../domain/day-tally.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Refusal } from '../log/event.ts'
import type { UnlockLog } from './service.ts'

type Dependencies = {
  readonly append: UnlockLog['append']
  readonly logger: Logger
  /** True while the disk has no room for what nobody needs. */
  readonly isDiskReserved: () => boolean
  readonly clock: Pick<Clock, 'monotonicMs'>
}

type Denial = {
  readonly account: Pick<Account, 'publicId' | 'username' | 'admitted'>
  readonly reason: Refusal
}

export type RecordDenied = (denial: Denial) => Promise<void>

/** Accounts, by reason, whose last denial each share remembers; beyond that, the oldest is forgotten. */
const KEYS_MAX = 1000

/** What a person was doing when this server refused them. It never learns how they would have
 * unlocked. */
const METHODS: Readonly<Record<Refusal, string>> = {
  disabled_user_denied: 'app',
  session_ended: 'app',
  too_many_attempts: 'login',
}

/** How many denials of one account are recorded in 24 hours, for one reason. */
const ACCOUNT_DAY_MAX = 100

/** How many denials each share records in 24 hours. Nobody else uses up what is recorded of people who
 * were once let in: there are as many of them as admins chose. Anyone can lock out a name, and a
 * newcomer's attempts show only that somebody tries. */
const DAY_MAX = { admitted: Infinity, lockouts: 5000, newcomers: 20 } as const

type ShareName = keyof typeof DAY_MAX

/** Records in the unlock log when this server denies someone access, at most once a minute for each
 * account and reason and a hundred times a day, so that a phone that retries does not flood the log.
 * Never rejects: access stays denied whether or not the log records it. */
export const deniedAccessRecorder = ({
  append,
  logger,
  isDiskReserved,
  clock,
}: Dependencies): RecordDenied => {
  const shares = {
    admitted: dayShare(DAY_MAX.admitted),
    lockouts: dayShare(DAY_MAX.lockouts),
    newcomers: dayShare(DAY_MAX.newcomers),
  }
  return async ({ account, reason }) => {
    if (isDiskReserved()) return
    if (
      !shares[shareOf(account, reason)].takes(`${account.publicId} ${reason}`, clock.monotonicMs())
    )
      return
    try {
      await append([
        {
          id: Bun.randomUUIDv7(),
          accountPublicId: account.publicId,
          username: account.username,
          method: METHODS[reason],
          lock: DEFAULT_LOCK,
          result: 'denied',
          reason,
          source: 'observed',
          occurredAtMs: null,
        },
      ])
    } catch (error) {
      logger.error({ err: error }, 'denial not recorded')
    }
  }
}

const shareOf = (account: Denial['account'], reason: Refusal): ShareName => {
  if (isNewcomer(account)) return 'newcomers'
  return reason === 'too_many_attempts' ? 'lockouts' : 'admitted'
}

/** What is recorded in a minute and in a day, for each key and in all. */
const dayShare = (dayMax: number) => {
  const all: DayTally = new Map()
  const lastMs = new BoundedMap<string, number>(KEYS_MAX)
  const days = new BoundedMap<string, DayTally>(KEYS_MAX)

  const isFull = (tally: DayTally, events: number, nowMs: number): boolean =>
    dayFullForMs(tally, { events, bytes: Infinity }, nowMs) > 0

  return {
    /** Counts a denial if there is room for it, and returns whether there was. */
    takes: (key: string, nowMs: number): boolean => {
      if (nowMs - (lastMs.get(key) ?? -Infinity) < MINUTE_MS) return false
      lastMs.set(key, nowMs)
      const ofKey = days.get(key) ?? new Map()
      if (isFull(all, dayMax, nowMs) || isFull(ofKey, ACCOUNT_DAY_MAX, nowMs)) return false
      days.set(key, ofKey)
      for (const tally of [all, ofKey]) addTo(tally, hourOf(nowMs), { events: 1, bytes: 0 })
      return true
    },
  }
}
