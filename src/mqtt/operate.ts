import type { BrokerMessage } from '../domain/broker.ts'
import { MINUTE_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'
import { RateLimitError } from '../http/errors.ts'
import { type Command, readCommand } from './command.ts'
import type { Topics } from './topics.ts'

/** Decides on a command at a lock, as the account that commands of the broker count as there. Resolves to the
 * decision, or to why there is none. */
export type Operate = (asked: {
  readonly label: string
  readonly command: Command
  readonly givenAtMs: number
}) => Promise<'permitted' | 'denied' | 'no operator' | (string & {})>

type Dependencies = {
  readonly topics: Topics
  readonly operate: Operate
  readonly logger: { readonly warn: Log; readonly error: Log }
}

type Log = (fields: object, message: string) => void

/** Returns the listener to commands: one after another, since the second of two must be later. */
export const commandListener = ({ topics, operate, logger }: Dependencies) => {
  /** Locks without an operator that somebody tried to operate: said once, because anyone can send. */
  const reported = new Set<string>()

  let lines = 0
  let sinceMs = -Infinity

  /** Says why a command is ignored, unless others fill the log already. */
  const ignored = (lock: string, reason: string): void => {
    const nowMs = performance.now()
    if (nowMs - sinceMs > MINUTE_MS) [lines, sinceMs] = [0, nowMs]
    lines += 1
    if (lines <= LINES_MAX) logger.warn({ lock, reason }, 'a command of the broker is ignored')
  }

  const obey = async (label: string, message: BrokerMessage): Promise<void> => {
    const read = readCommand(message)
    if ('fault' in read) return ignored(label, read.fault)
    const operated = await operate({ label, ...read })
    if (operated === 'permitted' || operated === 'denied') return
    if (operated === 'no operator') {
      if (reported.has(label) || reported.size >= REPORTED_MAX) return
      reported.add(label)
    }
    ignored(label, operated)
  }

  let waiting = 0
  let last: Promise<void> = Promise.resolve()

  return (message: BrokerMessage): void => {
    const label = topics.lockOf(message.topic)
    // What the broker clears is no command.
    if (message.payload === '' || label.length > LABEL_MAX || waiting >= WAITING_MAX) return
    waiting += 1
    last = last
      .then(() => obey(label, message))
      .catch((error: unknown) => {
        if (error instanceof AppError || error instanceof RateLimitError)
          ignored(label, error.message)
        else logger.error({ lock: label, err: error }, 'a command of the broker failed')
      })
      .finally(() => void (waiting -= 1))
  }
}

const REPORTED_MAX = 100
const LABEL_MAX = 32
/** Lines in the log a minute. */
const LINES_MAX = 20
/** Commands that wait, and are not reported from a flood. */
const WAITING_MAX = 20
