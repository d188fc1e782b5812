import type { Account } from '../../domain/account.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Logger } from '../../http/log/logger.ts'
import { DEFAULT_LOCK, type Refusal } from './event.ts'
import type { UnlockLog } from './service.ts'

type Dependencies = {
  readonly append: UnlockLog['append']
  readonly logger: Logger
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

/** Records in the unlock log when this server denies someone access, at most once a minute for each
 * account, so that a phone that retries does not flood the log. Never rejects: access stays
 * denied whether or not the log records it. */
export const deniedAccessRecorder = ({ append, logger, clock }: Dependencies): RecordDenied => {
  const lastMs = new BoundedMap<string, number>(ACCOUNTS_MAX)

  return async ({ account: { publicId, username }, reason }) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - (lastMs.get(publicId) ?? -Infinity) < MINUTE_MS) return
    lastMs.set(publicId, nowMs)
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
