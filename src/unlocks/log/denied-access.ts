import type { Account } from '../../domain/account.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Logger } from '../../http/log/logger.ts'
import { DEFAULT_LOCK, type Refusal } from './event.ts'
import type { UnlockLog } from './service.ts'

type Dependencies = {
  readonly append: UnlockLog['append']
  readonly logger: Logger
  /** A clock that only runs forward, milliseconds. */
  readonly monotonic: () => number
}

type Denial = {
  readonly account: Pick<Account, 'publicId' | 'username'>
  readonly reason: Refusal
}

export type RecordDenied = (denial: Denial) => Promise<void>

/** Accounts whose last denial is remembered; beyond them the oldest is forgotten. */
const ACCOUNTS_MAX = 1000

/** What a person did when this server refused it; how they would have opened it, it never heard. */
const METHODS: Readonly<Record<Refusal, string>> = {
  disabled_user_denied: 'app',
  session_ended: 'app',
  too_many_attempts: 'login',
}

/** Records in the unlock log whom this server kept from the door, at most once a minute an account,
 * so that a phone that tries again and again does not flood it. It never rejects: a refusal stands
 * whether the log takes it or not. */
export const deniedAccessRecorder = ({ append, logger, monotonic }: Dependencies): RecordDenied => {
  const lastMs = new BoundedMap<string, number>(ACCOUNTS_MAX)

  return async ({ account: { publicId, username }, reason }) => {
    if (monotonic() - (lastMs.get(publicId) ?? -Infinity) < MINUTE_MS) return
    lastMs.set(publicId, monotonic())
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
