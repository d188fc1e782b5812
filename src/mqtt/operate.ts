import type { BrokerMessage } from '../domain/broker.ts'
import { MINUTE_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'
import { RateLimitError } from '../http/errors.ts'
import { type Command, readCommand } from './command.ts'
import type { Topics } from './topics.ts'

/** Decides on a command as the operator of the lock. Resolves to the decision, or to the reason why there is none. */
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

/** Returns a listener that handles commands one after another, since each must be later than the one before. */
export const commandListener = ({ topics, operate, logger }: Dependencies) => {
  /** Locks without an operator that received a command. Each is logged once, because anyone can publish. */
  const reported = new Set<string>()

  let lines = 0
  let sinceMs = -Infinity

  /** Logs why a command is ignored, up to a limit. */
  const ignored = (lock: string, reason: string): void => {
    const nowMs = performance.now()
    if (nowMs - sinceMs > MINUTE_MS) [lines, sinceMs] = [0, nowMs]
    lines += 1
    if (lines <= LINES_MAX) logger.warn({ lock, reason }, 'a command from the broker is ignored')
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
    // An empty message clears a retained one, and is not a command.
    if (message.payload === '' || label.length > LABEL_MAX || waiting >= WAITING_MAX) return
    waiting += 1
    last = last
      .then(() => obey(label, message))
      .catch((error: unknown) => {
        if (error instanceof AppError || error instanceof RateLimitError)
          ignored(label, error.message)
        else logger.error({ lock: label, err: error }, 'a command from the broker failed')
      })
      .finally(() => void (waiting -= 1))
  }
}

const REPORTED_MAX = 100
const LABEL_MAX = 32
/** Log lines per minute. */
const LINES_MAX = 20
/** The most waiting commands; more are dropped. */
const WAITING_MAX = 20
