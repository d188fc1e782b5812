import type { Account } from '../../domain/account.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import type { Clock } from '../../domain/clock.ts'
import { type DayTally, addTo, dayFullForMs, hourOf } from '../../domain/day-tally.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Logger } from '../../http/log/logger.ts'
import { DEFAULT_LOCK, type Refusal } from './event.ts'
import type { UnlockLog } from './service.ts'

type Dependencies = {
  readonly append: UnlockLog['append']
  readonly logger: Logger
  /** True while the disk has no room for what nobody needs. */
  readonly isDiskReserved: () => boolean
  readonly clock: Pick<Clock, 'monotonicMs'>
}

type Denial = {
  readonly account: Pick<Account, 'publicId' | 'username'>
  readonly reason: Refusal
}

export type RecordDenied = (denial: Denial) => Promise<void>

/** Accounts whose last denial is remembered; beyond that, the oldest is forgotten. */
const ACCOUNTS_MAX = 1000

/** What a person was doing when this server refused them. It never learns how they would have
 * unlocked. */
const METHODS: Readonly<Record<Refusal, string>> = {
  disabled_user_denied: 'app',
  session_ended: 'app',
  too_many_attempts: 'login',
}

/** How many denials are recorded in 24 hours: of one account, and in all. */
const ACCOUNT_DAY_MAX = 100
const DAY_MAX = 5000

/** Records in the unlock log when this server denies someone access, at most once a minute for each
 * account and a hundred times a day, so that a phone that retries does not flood the log. Never rejects: access stays
 * denied whether or not the log records it. */
export const deniedAccessRecorder = ({
  append,
  logger,
  isDiskReserved,
  clock,
}: Dependencies): RecordDenied => {
  const all: DayTally = new Map()
  const lastMs = new BoundedMap<string, number>(ACCOUNTS_MAX)

  const days = new BoundedMap<string, DayTally>(ACCOUNTS_MAX)

  const isWithinDay = (publicId: string, nowMs: number): boolean => {
    const ofAccount = days.get(publicId) ?? new Map()
    days.set(publicId, ofAccount)
    for (const [tally, events] of [
      [ofAccount, ACCOUNT_DAY_MAX],
      [all, DAY_MAX],
    ] as const)
      if (dayFullForMs(tally, { events, bytes: Infinity }, nowMs) > 0) return false
    for (const tally of [ofAccount, all]) addTo(tally, hourOf(nowMs), { events: 1, bytes: 0 })
    return true
  }

  return async ({ account: { publicId, username }, reason }) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - (lastMs.get(publicId) ?? -Infinity) < MINUTE_MS) return
    lastMs.set(publicId, nowMs)
    if (isDiskReserved() || !isWithinDay(publicId, nowMs)) return
    try {
      await append([
        {
          id: Bun.randomUUIDv7(),
          accountPublicId: publicId,
          username,
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
