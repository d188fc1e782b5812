import { DEFAULT_LOCK } from '../../domain/access.ts'
import { type Account, isNewcomer } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import { DENIALS_A_DAY, denialShare } from '../../domain/limits/denial-share.ts'
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
  /** The label of the lock that was asked for, if one was. */
  readonly lock?: string | undefined
}

export type RecordDenied = (denial: Denial) => Promise<void>

/** What a person was doing when this server refused them. It never learns how they would have
 * unlocked. */
const METHODS: Readonly<Record<Refusal, string>> = {
  disabled_user_denied: 'app',
  session_ended: 'app',
  too_many_attempts: 'login',
}

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
    admitted: denialShare(DENIALS_A_DAY.admitted),
    lockouts: denialShare(DENIALS_A_DAY.lockouts),
    newcomers: denialShare(DENIALS_A_DAY.newcomers),
  }
  return async ({ account, reason, lock = DEFAULT_LOCK }) => {
    if (isDiskReserved()) return
    if (
      !shares[shareOf(account, reason)].takes(`${account.publicId} ${reason}`, clock.monotonicMs())
    )
      return
    try {
      await append([
        {
          accountPublicId: account.publicId,
          username: account.username,
          method: METHODS[reason],
          lock,
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

const shareOf = (account: Denial['account'], reason: Refusal): keyof typeof DENIALS_A_DAY => {
  if (isNewcomer(account)) return 'newcomers'
  return reason === 'too_many_attempts' ? 'lockouts' : 'admitted'
}
