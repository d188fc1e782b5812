import { AppError } from '../../errors.ts'
import type { Break } from '../tlog/continuity.ts'
import type { LogBreak } from './head-file.ts'

/** What happened, for anyone: it tells nothing about when people came home. */
const WHAT: Readonly<Record<Break['kind'], string>> = {
  shorter:
    'The unlock log is shorter than what this gateway has signed: an older database was put back',
  different:
    'The unlock log is not the one that this gateway has signed: another database was put in its place',
}

const UNTIL =
  'nothing is recorded until the right database is back, or someone accepts the loss on the gateway (secure-lock-server log accept-loss)'

/** Returns the refusal of everything that would append or sign. */
export const logStopped = ({ kind }: Break): AppError =>
  new AppError('unavailable', stoppedWords(kind), { reason: 'log_stopped' })

/** Returns what happened and what to do, in one sentence for anyone. */
export const stoppedWords = (kind: Break['kind']): string => `${WHAT[kind]}, so ${UNTIL}`

/** Returns what happened, with sizes and times, for admins and the log of the process. */
export const stopDetail = ({ kind, kept, size }: LogBreak): string => {
  const signed = `${unlocks(kept.size)} (on ${new Date(kept.atMs).toISOString()})`
  return kind === 'shorter'
    ? `The unlock log is stopped: an older database was put back. It has ${unlocks(size)}, but this gateway has signed ${signed}`
    : `The unlock log is stopped: another database was put in its place. It has ${unlocks(size)}, which do not continue the log of ${signed} that this gateway has signed`
}

/** Returns what is lost if the log continues as it is now. */
export const lossWords = (broken: LogBreak): string => {
  const lost = lostEvents(broken)
  return lost === undefined
    ? 'It is not known how many unlocks are lost, because the two logs differ from some unlock on'
    : `At least the newest ${unlocks(lost)} will be lost`
}

/** Returns how many events are missing at the end of the log, or undefined if the log is another one that is
 * not shorter, so that the number is not known. */
export const lostEvents = ({ kept, size }: LogBreak): number | undefined =>
  kept.size > size ? kept.size - size : undefined

export const unlocks = (count: number): string =>
  count === 1 ? '1 unlock' : `${count.toLocaleString('en')} unlocks`

/** What a loss means for others. */
export const RECEIPTS =
  'Receipts and checkpoints that were handed out for them no longer fit this log: anyone who kept one can prove that it was cut.'
