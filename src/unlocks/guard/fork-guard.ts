import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { type Break, type TreeHead, isSameHead } from '../tlog/continuity.ts'
import { type LogBreak, type SignedHead, signedHeadFile } from './head-file.ts'
import { stopDetail, logStopped } from './words.ts'

type Options = {
  /** Undefined for a log in memory, which is gone when the process ends. */
  readonly dataDir: string | undefined
  readonly origin: string
  readonly clock: Pick<Clock, 'wallMs'>
  readonly logger: Logger
  /** Called when the log stops. */
  readonly onStop?: (found: LogBreak) => void
}

/** The shortest time between two writes of the file. */
const WRITE_EVERY_MS = SECOND_MS

/** If a write takes longer, the disk is slow, and the stop of the service waits neither for it nor for another one. */
const SLOW_MS = 500

/** Returns the guard that keeps the largest signed head of the log, in memory and in a file beside the
 * database, so that an older or another database cannot replace the right one unnoticed: before every
 * append and every signature, the log must be found to continue that head. */
export const forkGuard = ({ dataDir, origin, clock, logger, onStop }: Options) => {
  const file = dataDir === undefined ? undefined : signedHeadFile(dataDir)

  /** Returns the head in the file if it belongs to this log. */
  const inFile = (): SignedHead | undefined => {
    const head = file?.read()
    return head === 'damaged' || head?.origin !== origin ? undefined : head
  }

  let kept = inFile()
  let found: LogBreak | undefined
  /** What another replica has signed that the log does not continue. */
  let foreign: LogBreak | undefined
  /** True while a loss is being accepted: until that is recorded, the file keeps the lost head. */
  let isAccepting = false
  let isServing = false

  /** Returns the head that replaced ours in the file when another process accepted the loss of ours. */
  const acceptedElsewhere = (): SignedHead | undefined => {
    const head = inFile()
    if (!kept || !head?.givenUp || isSameHead(head.givenUp, kept.givenUp)) return undefined
    const { givenUp } = head
    return givenUp.size > kept.size || isSameHead(givenUp, kept) ? head : undefined
  }

  const adoptAcceptance = (): boolean => {
    const accepted = acceptedElsewhere()
    if (!accepted) return false
    kept = accepted
    found = undefined
    return true
  }

  /** Writes the largest head, unless the file has it or a larger one that another process has signed since. */
  const writeNow = async (): Promise<void> => {
    if (!file || !kept || adoptAcceptance()) return
    const known = inFile()
    if (isSameHead(known, kept) || (known && known.size > kept.size && !isAccepting)) return
    await file.write(kept)
  }

  const onFailure = (error: Error): void =>
    logger.error({ fault: error.message }, 'cannot write the largest signed head')
  const writing = throttled(writeNow, onFailure)

  const removeDrafts = (): void => {
    try {
      file?.removeDrafts()
    } catch (error) {
      logger.warn({ err: error }, 'cannot remove drafts of the largest signed head')
    }
  }

  return {
    /** Called when the service begins to serve: reports a damaged file, and removes what killed processes left
     * beside it. From then on, a stop does not wait for a slow disk. */
    begin: (): void => {
      isServing = true
      if (file?.read() === 'damaged')
        logger.error(
          'the file with the largest signed head is damaged; the head of the log replaces it',
        )
      removeDrafts()
    },

    /** Returns the largest signed head, which the log must continue, or undefined if none is known. Call this
     * before reading the head of the log, which must not be the older of the two. */
    kept: (): SignedHead | undefined => {
      if (found) adoptAcceptance()
      return kept
    },

    /** Called when the log does not continue that head: stops the log, and writes the head to the file, so that
     * a command that accepts the loss knows all of it. Returns the error for callers. */
    stop: async (broken: Break): Promise<AppError> => {
      const isNews = found?.size !== broken.size || found.kind !== broken.kind
      if (kept) found = { ...broken, kept }
      if (found && isNews) {
        logger.error({ fault: stopDetail(found) }, 'unlock log is stopped')
        onStop?.(found)
        await writing.now().catch(onFailure)
      }
      return logStopped(broken)
    },

    /** Called at a home on a server with why replicas have stopped the log, or undefined if they have not. */
    hear: (stop: LogBreak | undefined): void => {
      const isNews = stop && !found && !isSameHead(stop.kept, foreign?.kept)
      foreign = stop
      if (!isNews) return
      logger.error({ fault: stopDetail(stop) }, 'unlock log is stopped')
      onStop?.(stop)
    },

    /** Lets this process continue the log, with the loss of what it has signed accepted in the log itself. Rejects
     * with `unavailable` if the file cannot be written. */
    adopt: async (present: TreeHead): Promise<void> => {
      if (!kept) return
      kept = { ...present, origin, atMs: clock.wallMs(), givenUp: kept }
      found = undefined
      isAccepting = true
      try {
        await writing.now()
      } finally {
        isAccepting = false
      }
    },

    /** Called with each committed head that continues the largest one, which it replaces. */
    keep: ({ size, root }: TreeHead): void => {
      if (kept && size < kept.size) return
      found = undefined
      if (isSameHead(kept, { size, root })) return
      const before = kept?.givenUp && { givenUp: kept.givenUp }
      kept = { size, root, origin, atMs: clock.wallMs(), ...before }
      if (!isAccepting) writing.request()
    },

    /** Returns how the log fails to continue that head, or undefined if it is not known to fail, as after a
     * command has accepted the loss. */
    found: (): LogBreak | undefined => {
      if (found) adoptAcceptance()
      return found ?? foreign
    },

    /** Returns the same, but only of what this process itself has signed or seen. */
    ownBreak: (): LogBreak | undefined => found,

    /** Lets this process continue the log without what was lost. Record the loss, then call the returned
     * function, which resolves once the file has the new head, or rejects with `unavailable`. Until then, the
     * log stays stopped in other processes. */
    accept: (broken: LogBreak, present: TreeHead): (() => Promise<void>) => {
      isAccepting = true
      found = undefined
      kept = { ...present, origin, atMs: clock.wallMs(), givenUp: broken.kept }
      return async () => {
        await writing.now()
        isAccepting = false
      }
    },

    /** Writes the head if the file does not have it yet. Rejects with `unavailable`. */
    flush: writing.now,

    /** Writes the head if the file does not have it yet, and logs a failure. A service gives up on a slow disk: the
     * log that the next start finds continues the head that is in the file. */
    [Symbol.asyncDispose]: async (): Promise<void> => {
      if (isAccepting) await writing.settled()
      else await writing.end(isServing ? SLOW_MS : Infinity)
    },
  }
}

/** Runs `work` when requested: at once, but never twice at the same time or within a second. The last
 * request is never dropped. `onFailure` is called once, and again only after a success in between. */
const throttled = (work: () => Promise<void>, onFailure: (error: Error) => void) => {
  let isRequested = false
  let isFailing = false
  let running: Promise<void> | undefined
  let lastTookMs = 0
  let pause: Timer | undefined

  const attempt = async (): Promise<void> => {
    const begunMs = performance.now()
    try {
      isRequested = false
      await work()
      isFailing = false
    } catch (error) {
      isRequested = true
      if (!isFailing) onFailure(error instanceof Error ? error : new Error(String(error)))
      isFailing = true
    }
    lastTookMs = performance.now() - begunMs
  }

  const settled = async (): Promise<void> => {
    if (!running) return
    await running.catch(() => {})
    await settled()
  }

  const run = (): void => {
    if (running || pause) return
    running = attempt().finally(() => {
      running = undefined
      pause = setTimeout(() => {
        pause = undefined
        if (isRequested && !isFailing) run()
      }, WRITE_EVERY_MS)
      pause.unref()
    })
  }

  return {
    /** Resolves once nothing runs. */
    settled,
    request: (): void => {
      isRequested = true
      run()
    },
    /** Runs `work` now, or once the current run has ended. Rejects if it fails. */
    now: async (): Promise<void> => {
      await settled()
      isRequested = false
      running = work().finally(() => (running = undefined))
      await running
    },
    /** Ends after the current run, and a last one if it was requested. If one takes longer than that, it is not waited
     * for, and there is no other. */
    end: async (waitMs: number): Promise<void> => {
      const ending = async (): Promise<void> => {
        await settled()
        clearTimeout(pause)
        if (isRequested && lastTookMs <= waitMs) await attempt()
      }
      const ended = ending()
      await (waitMs === Infinity ? ended : Promise.race([ended, Bun.sleep(waitMs)]))
    },
  }
}
