import type { Log } from '../http/log.ts'
import type { Round } from './retention.ts'
import type { LogCheck } from './watch.ts'

/** Tells the process log what a check of the unlock log found. */
export const reportCheck = (check: LogCheck, processLog: Log): void => {
  const { extent } = check
  if (check.ok) return processLog.info({ extent, size: check.size }, 'log verified')
  const { seq, fault, error: err } = check
  processLog.error({ extent, seq, fault, err }, 'log is broken')
}

/** Tells the process log of a round of retention that did not erase. */
export const reportRound = (round: Round, processLog: Log): void => {
  switch (round.outcome) {
    case 'erased':
      return // what was erased is on record
    case 'waiting':
      return processLog.warn('retention waits for a clock that can be trusted')
    case 'failed':
      return processLog.error({ err: round.error }, 'retention failed')
  }
}
