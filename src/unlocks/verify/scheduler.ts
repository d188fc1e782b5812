import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import { isSameHash } from '../tlog/merkle-tree.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'
import type { UnlockStore } from '../log/store.ts'
import { type Verdict, eventFault, verifyLog } from './verify-log.ts'

type Options = {
  readonly store: UnlockStore
  readonly key: VerifierKey
  readonly now: () => number
  /** Told of each check. */
  readonly report: (check: Verification) => void
}

/** What a check of the newest events, or of all, found, and when. */
export type Verification = Verdict & {
  readonly scope: VerificationScope
  readonly checkedAtMs: number
  /** Why it could not be made, where that is for the process log alone. */
  readonly error?: unknown
}

export const VERIFICATION_SCOPES = ['recent', 'full'] as const
type VerificationScope = (typeof VERIFICATION_SCOPES)[number]

export type VerificationScheduler = {
  /** The last check; a fault stays until a later check finds none. */
  readonly last: () => Verification | undefined
  /** Checks the newest events and the root; all of them in a while, and then once a day. */
  readonly start: () => Promise<void>
  /** Checks everything, page by page, letting other work go first; joins the check under way.
   * Gives nothing where it was stopped. */
  readonly verifyAll: () => Promise<Verification | undefined>
  readonly isVerifying: () => boolean
  readonly stop: () => Promise<void>
}

/** Events checked at each start. */
const RECENT_EVENTS = 1000

const FIRST_FULL_MS = MINUTE_MS
/** Rest after each page of a full check, somewhat longer than the page takes. */
const REST_MS = 4

/** Watches the log's honesty. It repairs nothing; what it finds shows in the console, in the
 * readiness and in the process log. */
export const verificationScheduler = ({
  store,
  key,
  now,
  report,
}: Options): VerificationScheduler => {
  let last: Verification | undefined
  let running: Promise<Verification | undefined> | undefined
  let next: Timer | undefined
  const stopping = new AbortController()

  const verify = async (scope: VerificationScope, work: () => Promise<Verdict>) => {
    const found = await work().catch(unreadable)
    if (stopping.signal.aborted) return undefined
    last = { ...found, scope, checkedAtMs: now() }
    report(last)
    return last
  }

  const verifyEvents = async (): Promise<Verdict> => {
    const head = await store.head()
    if (!head) return { ok: false, seq: 0, fault: 'The log has no head' }
    const rest = async () => {
      stopping.signal.throwIfAborted()
      await Bun.sleep(REST_MS)
    }
    return verifyLog({ source: store, head, key, afterPage: rest })
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
    start: async () => {
      verifyAllIn(FIRST_FULL_MS)
      await verify('recent', () => recentVerdict(store, key))
    },
    verifyAll,
    isVerifying: () => running !== undefined,
    stop: async () => {
      clearTimeout(next)
      stopping.abort()
      await running
    },
  }
}

/** A log that cannot be read is not known to hold. */
const unreadable = (error: unknown): Verdict & { readonly error: unknown } => {
  const reason = error instanceof AppError ? error.message : 'The log of the process says why'
  return { ok: false, seq: undefined, fault: `The log cannot be checked. ${reason}`, error }
}

const recentVerdict = async (store: UnlockStore, key: VerifierKey): Promise<Verdict> => {
  const head = await store.head()
  const rows = await store.nextSeq()
  const broken = (fault: string, seq?: number): Verdict => ({ ok: false, seq, fault })
  if (!head) return broken('The log has no head')
  if (rows !== head.size) return broken(`The log has ${rows} events and a head of ${head.size}`)
  const events = await store.page(head.size - RECENT_EVENTS - 1, RECENT_EVENTS)
  for (const event of events) {
    const fault = eventFault(event)
    if (fault) return broken(`Event ${event.seq}: ${fault}`, event.seq)
  }
  try {
    const { root, size } = openCheckpoint(head.checkpoint, key)
    const tree = await store.frontier(head.size)
    if (size === head.size && isSameHash(root, tree.root())) return { ok: true, size }
  } catch (error) {
    return broken(error instanceof Error ? error.message : 'The newest checkpoint does not hold')
  }
  return broken('The tree is not the one that the newest checkpoint was signed for')
}
