import { AppError } from '../../errors.ts'
import type { Break } from '../tlog/continuity.ts'
import type { LogBreak } from './head-file.ts'

/** What happened, for anyone: nothing about when somebody opened the door. */
const WHAT: Readonly<Record<Break['kind'], string>> = {
  shorter:
    'The unlock log is shorter than what this gateway has signed: an older database was put back',
  different:
    'The unlock log is not the one that this gateway has signed: another database was put in its place',
}

const UNTIL =
  'nothing is recorded until the right database is back, or somebody accepts the loss on the gateway (secure-lock-server log accept-loss)'

/** The answer to everything that would sign. */
export const logStopped = ({ kind }: Break): AppError =>
  new AppError('unavailable', stoppedWords(kind), { reason: 'log_stopped' })

/** What happened and what to do, in one sentence for anyone. */
export const stoppedWords = (kind: Break['kind']): string => `${WHAT[kind]}, so ${UNTIL}`

/** What happened, with sizes and times, for admins and the log of the process. */
export const stopDetail = ({ kind, kept, size }: LogBreak): string => {
  const signed = `${unlocks(kept.size)} (on ${new Date(kept.atMs).toISOString()})`
  return kind === 'shorter'
    ? `The unlock log is stopped: an older database was put back. It has ${unlocks(size)}, but this gateway has signed ${signed}`
    : `The unlock log is stopped: another database was put in its place. It has ${unlocks(size)}, which do not continue the log of ${signed} that this gateway has signed`
}

/** What accepting it loses. */
export const lossWords = (broken: LogBreak): string => {
  const lost = lostEvents(broken)
  return lost === undefined
    ? 'It is unknown how many unlocks are lost, since the two logs differ from some event on'
    : `At least the newest ${unlocks(lost)} will be lost`
}

/** How many events are missing at the end of the log; undefined if that does not show, because the log is
 * another one and not shorter. */
export const lostEvents = ({ kept, size }: LogBreak): number | undefined =>
  kept.size > size ? kept.size - size : undefined

export const unlocks = (count: number): string =>
  count === 1 ? '1 unlock' : `${count.toLocaleString('en')} unlocks`

/** What a loss means for others. */
export const RECEIPTS =
  'Receipts and checkpoints that were handed out for them no longer fit this log: anyone who kept one can prove that it was cut.'
