import { SECOND_MS } from '../../domain/duration.ts'
import type { ReportResult } from '../../domain/statement/claims.ts'
import type { Bolt } from './bolt.ts'
import type { Event, Journal } from './journal.ts'

export type Door = ReturnType<typeof doorAt>

/** A command that was verified. */
export type Asked = {
  readonly attempt: string
  /** True as long as the door may open for it. */
  readonly isFresh: () => boolean
}

type Dependencies = {
  readonly bolt: Bolt
  readonly journal: Pick<Journal, 'append' | 'knows' | 'unfinished'>
  readonly monotonicMs: () => number
  readonly openMs: number
  /** How long after the release the sensor may say that the door opened; undefined without a sensor. */
  readonly senseMs: number | undefined
  /** Called after each report. */
  readonly onReport: () => void
  readonly say: (line: string) => void
}

const SENSE_EVERY_MS = 250
const SENSE_IDLE_EVERY_MS = 1000

/** Opens the door for commands, and reports what happened. Those that arrive while it is open wait for the next time,
 * and share it. */
export const doorAt = (deps: Dependencies) => {
  const { bolt, journal, monotonicMs, openMs, senseMs, onReport, say } = deps
  const stopping = new AbortController()
  const taken = new Set<string>()
  let queue: Asked[] = []
  let isWorking = false
  let working: Promise<void> | undefined
  let sensing: Promise<void> | undefined
  let isReleased = false
  /** Attempts for which the door was released, and until when the sensor is asked about them. */
  const awaited = new Map<string, number>()

  const report: Journal['append'] = async (events) => {
    if (events.length === 0) return
    await journal.append(events)
    onReport()
  }

  const openFor = async (batch: readonly Asked[]): Promise<void> => {
    // On disk before the bolt moves, so that a power cut cannot hide an opening.
    await report(eventsOf(attemptsOf(batch), 'opening'))
    await report(eventsOf(attemptsOf(batch.filter(({ isFresh }) => !isFresh())), 'interrupted'))
    const fresh = batch.filter(({ isFresh }) => isFresh())
    const attempts = attemptsOf(fresh)
    if (attempts.length === 0) return
    say(`Opening for ${attempts.join(', ')}`)
    isReleased = true
    try {
      // The door may open before the command ends.
      if (senseMs !== undefined) for (const attempt of attempts) awaited.set(attempt, Infinity)
      const outcome = await bolt.open(() => fresh.every(({ isFresh }) => isFresh()))
      const isReported = outcome !== 'released' || senseMs === undefined
      for (const attempt of attempts.filter((one) => awaited.has(one)))
        if (isReported) awaited.delete(attempt)
        else awaited.set(attempt, monotonicMs() + senseMs)
      if (isReported) await report(eventsOf(attempts, outcome))
      if (outcome === 'released') await pause(openMs, stopping.signal)
    } finally {
      await bolt.close()
      isReleased = false
    }
  }

  const work = async (): Promise<void> => {
    while (queue.length > 0 && !stopping.signal.aborted) {
      const batch = queue.filter(({ isFresh }) => isFresh())
      if (batch.length < queue.length) say('A command waited too long: ignored')
      queue = []
      if (batch.length > 0)
        await openFor(batch).catch((error: unknown) =>
          say(`Cannot report, so the door is shut: ${wordsOf(error)}`),
        )
    }
    isWorking = false
  }

  const watch = async (): Promise<void> => {
    let wasOpen: boolean | undefined
    while (!stopping.signal.aborted) {
      const isOpen = await bolt.sense()
      const now = monotonicMs()
      const hasOpened = isOpen && wasOpen === false
      wasOpen = isOpen
      try {
        if (hasOpened && awaited.size > 0) {
          const attempts = [...awaited.keys()]
          awaited.clear()
          await report(eventsOf(attempts, 'unlocked'))
        } else if (hasOpened && !isReleased) {
          say('The door opened although nobody was let in')
          await report([{ result: 'opened_unasked' }])
        }
        const over = [...awaited].filter(([, endMs]) => now >= endMs).map(([attempt]) => attempt)
        for (const attempt of over) awaited.delete(attempt)
        await report(eventsOf(over, 'released'))
      } catch (error) {
        say(`Cannot report: ${wordsOf(error)}`)
      }
      const isBusy = isReleased || awaited.size > 0
      await pause(isBusy ? SENSE_EVERY_MS : SENSE_IDLE_EVERY_MS, stopping.signal)
    }
  }

  return {
    /** Reports what was interrupted when the program last ended, and begins to watch the sensor. */
    start: async (): Promise<void> => {
      await report([...eventsOf(journal.unfinished(), 'interrupted'), { result: 'started' }])
      if (senseMs !== undefined) sensing = watch()
    },

    /** Opens the door for an attempt, once. Returns false if that was asked for before. */
    ask: (asked: Asked): boolean => {
      if (stopping.signal.aborted || taken.has(asked.attempt) || journal.knows(asked.attempt))
        return false
      taken.add(asked.attempt)
      if (taken.size > TAKEN_MAX) taken.delete(taken.values().next().value ?? '')
      queue.push(asked)
      if (isWorking) return true
      isWorking = true
      working = work()
      return true
    },

    /** Closes the door. Returns false if the command that closes it failed. */
    stop: async (): Promise<boolean> => {
      stopping.abort()
      await working
      await sensing
      await report(eventsOf(awaited.keys(), 'released')).catch((error: unknown) =>
        say(`Cannot report: ${wordsOf(error)}`),
      )
      return bolt.closeForGood()
    },
  }
}

const attemptsOf = (batch: readonly Asked[]): readonly string[] =>
  batch.map(({ attempt }) => attempt)

const eventsOf = (attempts: Iterable<string>, result: ReportResult): readonly Event[] =>
  [...attempts].map((attempt) => ({ result, attempt }))

/** Newer attempts than those that a gateway would send again. */
const TAKEN_MAX = 1000

/** Waits, until a signal if that comes before. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })

export const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** How long a command is valid after the poll that it answers was begun. */
export const COMMAND_FRESH_MS = 30 * SECOND_MS
