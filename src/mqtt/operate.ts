import type { BrokerMessage } from '../domain/broker.ts'
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
  readonly logger: { readonly info: Log; readonly warn: Log }
}

type Log = (fields: object, message: string) => void

/** Returns the listener to commands: one after another, since the second of two must be later. */
export const commandListener = ({ topics, operate, logger }: Dependencies) => {
  /** Locks without an operator that somebody tried to operate: said once, because anyone can send. */
  const told = new Set<string>()

  const obey = async (label: string, message: BrokerMessage): Promise<void> => {
    const read = readCommand(message)
    if ('fault' in read) {
      logger.info({ lock: label, reason: read.fault }, 'a command of the broker is ignored')
      return
    }
    const operated = await operate({ label, ...read })
    if (operated === 'permitted' || operated === 'denied') return
    if (operated === 'no operator') {
      if (told.has(label) || told.size >= TOLD_MAX) return
      told.add(label)
    }
    logger.warn({ lock: label, reason: operated }, 'a command of the broker is ignored')
  }

  let waiting = 0
  let last: Promise<void> = Promise.resolve()

  return (message: BrokerMessage): void => {
    const label = topics.lockOf(message.topic)
    // What the broker clears is no command.
    if (message.payload === '' || waiting >= WAITING_MAX) return
    waiting += 1
    last = last
      .then(() => obey(label, message))
      .catch((error: unknown) => logger.warn({ lock: label, err: error }, 'a command failed'))
      .finally(() => void (waiting -= 1))
  }
}

const TOLD_MAX = 100
/** Commands that wait, and are not told from a flood. */
const WAITING_MAX = 20
