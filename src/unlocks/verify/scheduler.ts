import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import { isSameHash } from '../tlog/merkle-tree.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'
import type { UnlockStore } from '../log/store.ts'
import { type Verdict, leafFault, verifyLog } from './verify-log.ts'

type Dependencies = {
  readonly store: UnlockStore
  readonly key: VerifierKey
  readonly clock: Pick<Clock, 'wallMs'>
  readonly logger: Logger
  /** Called after each verification that finds a fault. */
  readonly onFault?: (fault: string) => void
}

/** The verdict of a verification, what it covered, and when it ended. */
type Verification = Verdict & {
  readonly scope: VerificationScope
  readonly checkedAtMs: number
}

export const VERIFICATION_SCOPES = ['recent', 'full'] as const
type VerificationScope = (typeof VERIFICATION_SCOPES)[number]

export type VerificationScheduler = {
  /** Returns the last verification. A fault stays until a later one finds none. */
  readonly last: () => Verification | undefined
  /** Verifies the newest events and the root. */
  readonly verifyRecent: () => Promise<void>
  /** Verifies everything in a minute and then once a day, until it is paused. */
  readonly start: () => void
  readonly pause: () => void
  /** Verifies everything page by page, yielding to other work; joins a verification that is running.
   * Resolves to undefined if it was stopped. */
  readonly verifyAll: () => Promise<Verification | undefined>
  readonly isVerifying: () => boolean
  readonly stop: () => Promise<void>
}

/** Events verified at each start, before the first answer: a few milliseconds. */
const RECENT_EVENTS = 200

/** Pause after each page of a full verification, somewhat longer than the page takes. */
const PAUSE_MS = 4

/** Verifies the log at intervals. Repairs nothing: what it finds shows in the console, in the
 * readiness answer and in the process's log. */
export const verificationScheduler = ({
  store,
  key,
  clock,
  logger,
  onFault,
}: Dependencies): VerificationScheduler => {
  let last: Verification | undefined
  let running: Promise<Verification | undefined> | undefined
  let next: Timer | undefined
  const stopping = new AbortController()

  const verify = async (scope: VerificationScope, work: () => Promise<Verdict>) => {
    const { error, ...verdict }: Failure = await work().catch(unreadable)
    if (stopping.signal.aborted) return undefined
    last = { ...verdict, scope, checkedAtMs: clock.wallMs() }
    if (last.ok) logger.info({ scope, size: last.size }, 'log verified')
    else {
      logger.error({ scope, seq: last.seq, fault: last.fault, err: error }, 'log is broken')
      onFault?.(last.fault)
    }
    return last
  }

  const verifyEvents = async (): Promise<Verdict> => {
    const head = await store.head()
    if (!head) return { ok: false, seq: 0, fault: 'The log has no head' }
    const pause = async () => {
      stopping.signal.throwIfAborted()
      await Bun.sleep(PAUSE_MS)
    }
    // The gateway checked the signatures when it received them.
    const checksSignatures = false
    return verifyLog({ source: store, head, key, checksSignatures, afterPage: pause })
  }

  const verifyAll = (): Promise<Verification | undefined> =>
    (running ??= verify('full', verifyEvents).finally(() => {
      running = undefined
    }))

  const verifyAllIn = (delayMs: number): void => {
    next = setTimeout(() => {
      verifyAllIn(DAY_MS)
      void verifyAll()
    }, delayMs)
    next.unref()
  }

  return {
    last: () => last,
    verifyRecent: async () => {
      await verify('recent', () => recentVerdict(store, key))
    },
    start: () => {
      clearTimeout(next)
      verifyAllIn(MINUTE_MS)
    },
    pause: () => clearTimeout(next),
    verifyAll,
    isVerifying: () => running !== undefined,
    stop: async () => {
      clearTimeout(next)
      stopping.abort()
      await running
    },
  }
}

/** A verdict, and the error behind it, which only the process's log may show. */
type Failure = Verdict & { readonly error?: unknown }

/** A log that cannot be read is not known to be intact. */
const unreadable = (error: unknown): Failure => {
  const reason = error instanceof AppError ? error.message : 'The log of the service says why'
  return { ok: false, seq: undefined, fault: `The log cannot be verified. ${reason}`, error }
}

const recentVerdict = async (store: UnlockStore, key: VerifierKey): Promise<Verdict> => {
  const head = await store.headAndNextSeq()
  const broken = (fault: string, seq?: number): Verdict => ({ ok: false, seq, fault })
  if (!head) return broken('The log has no head')
  if (head.next !== head.size)
    return broken(`The log has ${head.next} events and a head of ${head.size}`)
  const leaves = await store.leaves(head.size - RECENT_EVENTS - 1, RECENT_EVENTS)
  for (const leaf of leaves) {
    const fault = leafFault(leaf)
    if (fault) return broken(`Event ${leaf.seq}: ${fault}`, leaf.seq)
  }
  try {
    const { root, size } = openCheckpoint(head.checkpoint, key)
    const tree = await store.frontier(head.size)
    if (size === head.size && isSameHash(root, tree.root())) return { ok: true, size }
  } catch (error) {
    return broken(error instanceof Error ? error.message : 'The newest checkpoint is not valid')
  }
  return broken('The tree does not match the newest checkpoint')
}
