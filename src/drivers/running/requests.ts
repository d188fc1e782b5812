import { randomBytes } from 'node:crypto'
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Sender } from './lock.ts'
import { UnsentError } from '../../http/outgoing/send.ts'
import type { Reach } from './reach.ts'
import type { Observation } from '../observation.ts'
import type { Answered, Ask, RequestDriver } from '../request.ts'

type Dependencies = {
  readonly reach: Reach
  readonly hear: (said: readonly Observation[]) => Promise<void>
  /** Whether an operation is open. */
  readonly isAnyOpen: () => boolean
}

/** How long a response may take. */
const ANSWER_MS = 5000

/** How often the state is requested: normally, and while an operation is open. */
const POLL_MS = MINUTE_MS
const WATCH_MS = SECOND_MS

/** Connects a driver to its device, with one request at a time. */
export const requestRunner = (
  driver: RequestDriver,
  { reach, hear, isAnyOpen }: Dependencies,
): Sender => {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  const answered = (ask: Ask): Promise<Answered> => reach(ask, AbortSignal.timeout(ANSWER_MS))

  const asked = async (ask: Ask): Promise<Answered> => {
    const answer = await answered(ask)
    if (answer.status !== 401 || answer.challenge === null) return answer
    const cnonce = randomBytes(16).toString('hex')
    const proven = driver.prove?.(ask, answer.challenge, cnonce)
    return proven ? answered(proven) : answer
  }

  const status = async (): Promise<readonly Observation[]> => {
    try {
      return driver.heardStatus(await asked(driver.status))
    } catch {
      return [OFFLINE]
    }
  }

  const command = async (): Promise<readonly Observation[]> => {
    try {
      return driver.heardOpen(await asked(driver.open))
    } catch (error) {
      // Without a response it is unknown whether the lock opened, unless nothing was sent.
      if (!(error instanceof UnsentError)) return []
      return [OFFLINE, { kind: 'failed', says: error.message }]
    }
  }

  let timer: Timer | undefined
  let isPolling = false
  let isStopped = false
  const isWatching = (): boolean => driver.watchesState && isAnyOpen()
  const schedule = (): void => {
    clearTimeout(timer)
    if (isPolling || isStopped) return
    timer = setTimeout(() => void poll(), isWatching() ? WATCH_MS : POLL_MS)
    timer.unref()
  }
  const poll = async (): Promise<void> => {
    isPolling = true
    const said = await inTurn(status)
    if (!isStopped) await hear(said)
    isPolling = false
    schedule()
  }
  void poll()

  return {
    prepare: async () => (driver.watchesState ? inTurn(status) : []),

    send: async (isWanted) => {
      const said = await inTurn(async () => (isWanted() ? command() : []))
      schedule()
      return said
    },

    stop: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

const OFFLINE = { kind: 'availability', isOnline: false } as const
