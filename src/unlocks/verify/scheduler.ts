import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import { isSameHash } from '../tlog/merkle-tree.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'
import type { UnlockStore } from '../log/store.ts'
import type { SharedVerification } from './shared-verification.ts'
import type { Verification, VerificationScope } from './verification.ts'
import { type Verdict, leafFault, verifyLog } from './verify-log.ts'

type Dependencies = {
  readonly store: UnlockStore
  readonly key: VerifierKey
  readonly clock: Pick<Clock, 'wallMs'>
  readonly logger: Logger
  /** Called after each verification that finds a fault. */
  readonly onFault?: (fault: string) => void
  /** What the replicas of the home share about verifications; undefined if one process serves it. */
  readonly shared?: SharedVerification | undefined
}

export type VerificationScheduler = {
  /** Returns the last verification by any replica. A fault stays until a later full verification finds none. */
  readonly last: () => Verification | undefined
  /** Verifies the newest events and the root. */
  readonly verifyRecent: () => Promise<void>
  /** Verifies everything in a minute and then once a day, until it is paused. */
  readonly start: () => void
  readonly pause: () => void
  /** Verifies everything page by page, yielding to other work; joins a verification that is running.
   * Resolves to undefined if it was stopped, or if another replica verifies. */
  readonly verifyAll: () => Promise<Verification | undefined>
  readonly isVerifying: () => boolean
  /** Reads what other replicas have found since. */
  readonly refresh: () => Promise<void>
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
  shared,
}: Dependencies): VerificationScheduler => {
  let last: Verification | undefined
  let running: Promise<Verification | undefined> | undefined
  let next: Timer | undefined
  let isDaily = false
  const stopping = new AbortController()

  const verify = async (scope: VerificationScope, work: () => Promise<Verdict>) => {
    const { error, ...verdict }: Failure = await work().catch(unreadable)
    if (stopping.signal.aborted) return undefined
    if (shared && error instanceof AppError && error.code === 'unavailable') {
      // A server that cannot be reached for a while says nothing about the log.
      logger.warn({ scope, reason: error.message }, 'log not verified')
      if (isDaily) verifyAllIn(MINUTE_MS)
      return undefined
    }
    const found: Verification = { ...verdict, scope, checkedAtMs: clock.wallMs() }
    last = shared ? await shared.conclude(found) : found
    if (found.ok) logger.info({ scope, size: found.size }, 'log verified')
    else {
      logger.error({ scope, seq: found.seq, fault: found.fault, err: error }, 'log is broken')
      onFault?.(found.fault)
    }
    return last
  }

  const refresh = async (): Promise<void> => {
    last = (await shared?.read()) ?? last
  }

  const verifyEvents = async (): Promise<Verdict> => {
    const head = await store.head()
    if (!head) return { ok: false, seq: 0, fault: 'The log has no head' }
    const pause = async () => {
      stopping.signal.throwIfAborted()
      await shared?.continue()
      await Bun.sleep(PAUSE_MS)
    }
    // The gateway checked the signatures when it received them.
    const checksSignatures = false
    return verifyLog({ source: store, head, key, checksSignatures, afterPage: pause })
  }

  const verifyUnlessOther = async (): Promise<Verification | undefined> => {
    await refresh()
    if (shared?.isOtherVerifying()) return undefined
    await shared?.begin()
    return verify('full', verifyEvents)
  }

  const verifyAll = (): Promise<Verification | undefined> =>
    (running ??= (shared ? verifyUnlessOther() : verify('full', verifyEvents)).finally(() => {
      running = undefined
    }))

  const verifyAllIn = (delayMs: number): void => {
    clearTimeout(next)
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
      isDaily = true
      verifyAllIn(MINUTE_MS)
    },
    pause: () => {
      isDaily = false
      clearTimeout(next)
    },
    verifyAll,
    isVerifying: () => running !== undefined || shared?.isOtherVerifying() === true,
    refresh,
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
