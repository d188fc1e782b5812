import { SECOND_MS } from '../../domain/duration.ts'

/** How an attempt to open ended at the bolt. */
type Outcome = 'released' | 'motor_blocked' | 'command_failed' | 'interrupted'

export type Bolt = {
  /** Runs the command that opens, unless it is not wanted any more once the door has closed: then `interrupted`. */
  readonly open: (isWanted: () => boolean) => Promise<Outcome>
  /** Runs the command that closes until it succeeds, and logs each failure. Resolves after the first try. */
  readonly close: () => Promise<void>
  /** The same, for the end of the program: tries a few times, and returns whether it succeeded. */
  readonly closeForGood: () => Promise<boolean>
  /** Returns whether the sensor says that the door is open. */
  readonly sense: () => Promise<boolean>
}

type Dependencies = {
  /** Command lines for `sh`; without `open`, nothing is moved. */
  readonly open: string | undefined
  readonly close: string | undefined
  readonly sense: string | undefined
  readonly print: (line: string) => void
  readonly say: (line: string) => void
}

/** The exit status with which a command says that the bolt is blocked. */
const BLOCKED_STATUS = 3

/** A command that runs longer is killed, with all that it has started. */
const COMMAND_MS_MAX = 10 * SECOND_MS
const SENSE_MS_MAX = 2 * SECOND_MS

const RETRY_MS = 1 * SECOND_MS
const RETRY_MS_MAX = 30 * SECOND_MS
const LAST_TRIES = 5

/** Moves the bolt with commands; without any, prints OPEN and CLOSE instead. */
export const boltOf = ({ open, close, sense, print, say }: Dependencies): Bolt => {
  let again: Timer | undefined
  let closing: Promise<boolean> = Promise.resolve(true)

  const closeOnce = async (): Promise<boolean> => {
    if (open === undefined) print('CLOSE')
    if (open === undefined || close === undefined) return true
    const status = await run(close, COMMAND_MS_MAX)
    if (status === 0) return true
    say(`THE DOOR MAY BE OPEN: the command that closes it failed (${words(status)}). Trying again`)
    return false
  }

  const tryClose = (): Promise<boolean> => {
    clearTimeout(again)
    closing = closeOnce()
    return closing
  }

  const closeOrRetry = async (delayMs: number): Promise<void> => {
    const isClosed = await tryClose()
    if (isClosed && delayMs > RETRY_MS) say('The command that closes the door succeeded')
    if (isClosed) return
    const later = Math.min(2 * delayMs, RETRY_MS_MAX)
    again = setTimeout(() => void closeOrRetry(later), delayMs)
  }

  return {
    open: async (isWanted) => {
      await closing
      if (!isWanted()) return 'interrupted'
      clearTimeout(again)
      if (open === undefined) {
        print('OPEN')
        return 'released'
      }
      const status = await run(open, COMMAND_MS_MAX)
      if (status === 0) return 'released'
      say(`The command that opens the door failed (${words(status)})`)
      return status === BLOCKED_STATUS ? 'motor_blocked' : 'command_failed'
    },
    close: () => closeOrRetry(RETRY_MS),
    closeForGood: async () => {
      await closing
      for (let left = LAST_TRIES; left > 0; left -= 1) {
        if (await tryClose()) return true
        if (left > 1) await Bun.sleep(RETRY_MS / 4)
      }
      return false
    },
    sense: async () => sense !== undefined && (await run(sense, SENSE_MS_MAX)) === 0,
  }
}

/** Runs a command line in a shell and returns its exit status; undefined if it was ended by a signal, also because it
 * took too long, or could not be started. */
const run = async (command: string, timeoutMs: number): Promise<number | undefined> => {
  try {
    const running = Bun.spawn(['/bin/sh', '-c', command], {
      stdin: 'ignore',
      // Standard output is for what this program prints.
      stdout: 2,
      stderr: 'inherit',
      // In a process group of its own.
      detached: true,
    })
    const timer = setTimeout(() => killGroup(running.pid), timeoutMs)
    await running.exited
    clearTimeout(timer)
    return running.exitCode ?? undefined
  } catch {
    return undefined
  }
}

/** Kills a shell and what it runs: that may hold the pin of the relay. */
const killGroup = (group: number): void => {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

const words = (status: number | undefined): string =>
  status === undefined ? 'it took too long, or could not be started' : `exit status ${status}`
