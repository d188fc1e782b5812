import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { type Break, type TreeHead, isSameHead } from '../tlog/continuity.ts'
import { type LogBreak, type SignedHead, signedHeadFile } from './head-file.ts'
import { stopDetail, logStopped } from './words.ts'

type Options = {
  /** Undefined for a log in memory, which ends with the process. */
  readonly dataDir: string | undefined
  readonly origin: string
  readonly clock: Pick<Clock, 'wallMs'>
  readonly logger: Logger
}

/** The shortest time between two writes of the file. */
const WRITE_EVERY_MS = SECOND_MS

/** A disk that takes longer for one is slow: the service does not keep a stop waiting for another. */
const SLOW_MS = SECOND_MS

/** Keeps the largest head of the log that this gateway has signed, in memory and in a file beside the
 * database, so that an old or another database cannot take the place of the right one unnoticed: every
 * append and every signature first asks whether the log continues that head. */
export const forkGuard = ({ dataDir, origin, clock, logger }: Options) => {
  const file = dataDir === undefined ? undefined : signedHeadFile(dataDir)

  /** Returns the head in the file if it is one of this log. */
  const inFile = (): SignedHead | undefined => {
    const head = file?.read()
    return head === 'damaged' || head?.origin !== origin ? undefined : head
  }

  let kept = inFile()
  let found: LogBreak | undefined
  /** True while a loss is being accepted: until all of that is recorded, the file keeps what was lost. */
  let isAccepting = false
  let isServing = false

  /** Returns the head that stands in place of ours since another process accepted its loss. */
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

  /** Writes the largest head unless the file has it, or one that another process has signed since. */
  const writeNow = async (): Promise<void> => {
    if (!file || !kept || adoptAcceptance()) return
    const known = inFile()
    if (isSameHead(known, kept) || (known && known.size > kept.size && !isAccepting)) return
    await file.write(kept)
  }

  const onFailure = (error: Error): void =>
    logger.error({ fault: error.message }, 'the largest signed head is not kept')
  const writing = throttled(writeNow, onFailure)

  const removeDrafts = (): void => {
    try {
      file?.removeDrafts()
    } catch (error) {
      logger.warn({ err: error }, 'drafts of the largest signed head are not removed')
    }
  }

  return {
    /** Begins to serve: reports a file that cannot be read, and removes what killed processes left beside
     * it. From then on, a stop does not wait for a slow disk. */
    begin: (): void => {
      isServing = true
      if (file?.read() === 'damaged')
        logger.error(
          'the file with the largest signed head is damaged: it is replaced by the head of the log',
        )
      removeDrafts()
    },

    /** Returns the largest signed head, which the log must continue; undefined if none is known. Ask before
     * reading the head of the log, which may only be newer. */
    kept: (): SignedHead | undefined => {
      if (found) adoptAcceptance()
      return kept
    },

    /** Remembers that the log does not continue that head, which is in the file from then on, so that a
     * command that accepts the loss knows all of it. Returns what callers are told. */
    stop: async (broken: Break): Promise<AppError> => {
      const isNews = found?.size !== broken.size || found.kind !== broken.kind
      if (kept) found = { ...broken, kept }
      if (found && isNews) {
        logger.error({ fault: stopDetail(found) }, 'unlock log is stopped')
        await writing.now().catch(onFailure)
      }
      return logStopped(broken)
    },

    /** Remembers a head that is committed and continues the largest one. */
    keep: ({ size, root }: TreeHead): void => {
      if (kept && size < kept.size) return
      found = undefined
      if (isSameHead(kept, { size, root })) return
      const before = kept?.givenUp && { givenUp: kept.givenUp }
      kept = { size, root, origin, atMs: clock.wallMs(), ...before }
      if (!isAccepting) writing.request()
    },

    /** Returns how the log fails to continue what was signed, or undefined if it is not known to, as once a
     * command has accepted the loss. */
    found: (): LogBreak | undefined => {
      if (found) adoptAcceptance()
      return found
    },

    /** Lets the log go on without what it lost. Record that, then call the function that this returns: it
     * resolves once the file has the new head, and rejects with `unavailable`. Until then, the log is
     * stopped for everybody else. */
    accept: (broken: LogBreak, present: TreeHead): (() => Promise<void>) => {
      isAccepting = true
      found = undefined
      kept = { ...present, origin, atMs: clock.wallMs(), givenUp: broken.kept }
      return async () => {
        await writing.now()
        isAccepting = false
      }
    },

    /** Writes what is not written yet. Rejects with `unavailable`. */
    flush: writing.now,

    /** Stops, after writing what is not written yet; that is logged if it fails. */
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await writing.end((lastTookMs) => !isAccepting && !(isServing && lastTookMs > SLOW_MS))
    },
  }
}

/** Runs `work` at once when it is requested, but not again within a second, nor while it runs; a last
 * request is never forgotten. `onFailure` is called once until it succeeds again. */
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

  const idle = async (): Promise<void> => {
    if (!running) return
    await running.catch(() => {})
    await idle()
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
    request: (): void => {
      isRequested = true
      run()
    },
    /** Runs it now, after a run that has begun. Rejects if it fails. */
    now: async (): Promise<void> => {
      await idle()
      isRequested = false
      running = work().finally(() => (running = undefined))
      await running
    },
    /** Ends it, after a last run if one is requested and wanted, given how long the one before took. */
    end: async (isWanted: (lastTookMs: number) => boolean): Promise<void> => {
      await idle()
      clearTimeout(pause)
      if (isRequested && isWanted(lastTookMs)) await attempt()
    },
  }
}
