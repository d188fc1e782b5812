import type { Logger } from '../../http/log/logger.ts'
import type { RetentionRun } from '../log/retention.ts'
import type { Verification } from './scheduler.ts'

/** Tells the process log what a check of the unlock log found. */
export const verificationReporter =
  (processLog: Logger) =>
  (check: Verification): void => {
    const { scope } = check
    if (check.ok) return processLog.info({ scope, size: check.size }, 'log verified')
    const { seq, fault, error: err } = check
    processLog.error({ scope, seq, fault, err }, 'log is broken')
  }

/** Tells the process log what a round of the retention did. */
export const retentionReporter =
  (processLog: Logger) =>
  (round: RetentionRun): void => {
    switch (round.outcome) {
      case 'erased':
        return // what was erased is on record
      case 'waiting':
        return processLog.warn('retention waits for a clock that can be trusted')
      case 'failed':
        return processLog.error({ err: round.error }, 'retention failed')
    }
  }
