import canonicalize from 'canonicalize'
import { type Answered, type Appended, type Outcome, type Submission, receiptOf } from './append.ts'
import { broken, openedHead, textHead, treeHeadOf } from './known-log.ts'
import type { AppError } from '../../errors.ts'
import { type Head, signCheckpoint } from '../tlog/checkpoint.ts'
import { type Break, type TreeHead, findBreak, isSameHead } from '../tlog/continuity.ts'
import { verifyConsistency } from '../tlog/merkle-proof.ts'
import { emptyRoot } from '../tlog/merkle-tree.ts'
import { consistencyNodes, inclusionNodes } from '../tlog/proof-nodes.ts'
import { formatReceipt } from '../tlog/receipt.ts'
import { type NoteSigner, formatVerifierKey } from '../tlog/signed-note.ts'
import type { ClockReading } from '../log/clock.ts'
import { logErasure } from '../log/erasure.ts'
import { NO_ACCOUNT, type NewRecord, type NewReport } from '../../domain/access.ts'
import type { Queries, Transaction } from '../../storage/database.ts'
import type { RecordIn, ReportIn } from '../../storage/unit-of-work.ts'
import type { NewUnlockEvent, SubmittedEvent, UnlockEvent } from '../log/event.ts'
import { type Item, reportItem } from './kinds.ts'
import type { UnlockStore } from '../log/store.ts'
import type { LogBreak } from '../guard/head-file.ts'
import { type Stops, hasStop } from '../guard/stop-store.ts'
import { logStopped } from '../guard/words.ts'

export type { Outcome } from './append.ts'

export type UnlockLog = Awaited<ReturnType<typeof openUnlockLog>>

type Dependencies = {
  readonly store: UnlockStore
  readonly signer: NoteSigner
  readonly clock: () => ClockReading
  readonly guard: Guard
  /** The stops of a home on a server, which all replicas share. */
  readonly stops?: SharedStops | undefined
}

type SharedStops = {
  readonly read: () => Promise<Stops | undefined>
  readonly addIn: (tx: Queries, found: LogBreak) => Promise<void>
  /** Returns the id of the entry in the log that accepts the loss of a head. */
  readonly lossId: (head: TreeHead) => string
}

/** Keeps the largest signed head, which the log must continue; see `forkGuard`. */
type Guard = {
  readonly kept: () => TreeHead | undefined
  /** Called when the log does not continue that head. Returns the error for callers. */
  readonly stop: (broken: Break) => Promise<AppError>
  /** Called after COMMIT with each head that continues it. */
  readonly keep: (head: TreeHead) => void
  readonly found: () => LogBreak | undefined
  readonly ownBreak: () => LogBreak | undefined
  readonly hear: (stop: LogBreak | undefined) => void
  readonly adopt: (present: TreeHead) => Promise<void>
}

/** Opens the unlock log, which appends in groups and proves its contents. Appending throws
 * `unavailable` if the stored tree is not the one that this key signed, or does not continue what was
 * signed before: the log never forks. */
export const openUnlockLog = async ({ store, signer, clock, guard, stops }: Dependencies) => {
  const origin = signer.verifierKey.name
  const verifierKey = formatVerifierKey(signer.verifierKey)
  const listeners = new Set<OnGrowth>()

  const sign = (size: number, root: Uint8Array): Head => ({
    size,
    checkpoint: signCheckpoint({ origin, size, root }, signer),
  })

  const keptHead = () => {
    const kept = guard.kept()
    return kept && textHead(kept)
  }

  const grown = (now: TreeHead, isOwn = true): void => {
    guard.keep(now)
    for (const listener of listeners) listener(now.size, isOwn)
  }

  const inputOf =
    (given: Pick<Submission, 'items' | 'hasReceipts' | 'isPart' | 'accepts'>) =>
    (isFirst: boolean): Submission => ({
      ...given,
      reading: clock(),
      kept: isFirst ? keptHead() : undefined,
    })

  /** Stops the log for all replicas of a home on a server, unless it continues what this one has signed by the time
   * of the turn, or the loss of that is accepted. */
  const stopShared = async ({ read, addIn, lossId }: SharedStops): Promise<void> => {
    const kept = guard.ownBreak()?.kept
    if (!kept || hasStop((await read())?.breaks ?? [], kept)) return
    await store.transaction(async (writes, tx) => {
      const stored = await writes.head()
      if (!stored || (await writes.find(lossId(kept)))) return
      const found = await findBreak(kept, openedHead(stored, signer), writes.proofs)
      if (found) await addIn(tx, { ...found, kept })
    })
  }

  /** Stops the log. Returns the error for callers. */
  const stop = async (found: Break): Promise<AppError> => {
    const error = await guard.stop(found)
    // If this fails, the next look at the log tries again.
    if (stops) await stopShared(stops).catch(() => {})
    return error
  }

  /** Called when replicas have stopped the log. Returns the error for callers. */
  const heard = async (found: Break): Promise<AppError> => {
    // Otherwise this process would learn of it with its next look at the log only.
    if (!guard.found()) guard.hear((await stops?.read().catch(() => {}))?.breaks[0])
    return logStopped(found)
  }

  const submit = async (
    items: readonly Item[],
    account: string,
    { hasReceipts, accepts }: Pick<Submission, 'hasReceipts' | 'accepts'>,
  ): Promise<readonly (Outcome | Answered)[]> => {
    const input = inputOf({ items, hasReceipts, accepts })
    const isUrgent = items.some(({ kind }) => kind === 'decision')
    const size = items.length
    const appended = (await store.append({ input, size, account, isUrgent })) as Appended
    if ('stopped' in appended)
      throw appended.isKnown ? await heard(appended.stopped) : await stop(appended.stopped)
    guard.hear(undefined)
    if (appended.head) grown(treeHeadOf(appended.head))
    return appended.outcomes
  }

  const submitEvents = (
    events: readonly SubmittedEvent[],
    how: Pick<Submission, 'hasReceipts' | 'accepts'>,
  ) =>
    // Only attempts may be answered without a leaf.
    submit(events.map(itemOf), events[0]?.accountPublicId ?? NO_ACCOUNT, how) as Promise<
      readonly Outcome[]
    >

  const addIn = (tx: Transaction, item: Item): void =>
    tx.append({
      input: inputOf({ items: [item], hasReceipts: false, isPart: true }),
      onCommit: (outcome) => {
        const appended = outcome as Appended
        if ('head' in appended && appended.head) grown(treeHeadOf(appended.head))
      },
    })

  /** Adds a record to the log in a unit of work, which fails with `unavailable` if the log is stopped. */
  const recordIn: RecordIn = (tx) => ({
    add: ({ body, ...record }: NewRecord): void => {
      const added = { ...record, id: Bun.randomUUIDv7(), text: canonicalize(body) ?? '' }
      addIn(tx, { kind: 'record', record: added })
    },
  })

  /** Adds a lock's report in the same way. */
  const reportIn: ReportIn = (tx) => ({ add: (report) => addIn(tx, reportItem(report)) })

  const head = async (): Promise<Head> => {
    const known = await store.head()
    if (!known) throw broken('it has no head')
    return known
  }

  /** Returns the head that the newest checkpoint states. Throws `unavailable` if the log's key did not sign
   * it. */
  const treeHead = async (): Promise<TreeHead> => openedHead(await head(), signer)

  const requireContinued = async (kept: TreeHead | undefined, present: TreeHead): Promise<void> => {
    const found =
      kept && !isSameHead(kept, present) ? await findBreak(kept, present, store.proofs) : undefined
    if (found && kept) {
      if (!stops || !(await store.find(stops.lossId(kept)))) throw await stop(found)
      await guard.adopt(present)
    }
    if (!stops) return
    const stopped = (await stops.read())?.breaks[0]
    guard.hear(stopped)
    if (stopped) throw logStopped(stopped)
  }

  /** Signs an earlier head, but only of a tree that the newest checkpoint covers and that continues the
   * largest signed head: the rows alone prove nothing. */
  const earlierHead = async (size: number, newest: Head, kept?: TreeHead): Promise<Head> => {
    const fromRoot = (await store.frontier(size)).root()
    const [proof = []] = await store.proofs([consistencyNodes(size, newest.size)])
    const present = openedHead(newest, signer)
    await requireContinued(kept, present)
    const toRoot = present.root
    if (!verifyConsistency({ from: size, to: newest.size, proof, fromRoot, toRoot }))
      throw broken('its tree does not match its newest checkpoint')
    return sign(size, fromRoot)
  }

  const headAt = async (size: number): Promise<Head> => {
    const kept = guard.kept()
    const newest = await head()
    return size < newest.size ? earlierHead(size, newest, kept) : newest
  }

  const receipts = async (
    events: readonly UnlockEvent[],
    { size, checkpoint }: Head,
  ): Promise<ReadonlyMap<number, string>> => {
    const proofs = await store.proofs(events.map(({ seq }) => inclusionNodes(seq, size)))
    return new Map(
      events.map((event, at) => [event.seq, receiptOf(event, proofs[at] ?? [], checkpoint)]),
    )
  }

  if (!(await store.head()))
    await store.transaction(async (writes) => {
      // Another replica may have begun the log since.
      if (!(await writes.head()) && (await writes.nextSeq()) === 0)
        await writes.setHead(sign(0, emptyRoot()), 0)
    })

  return {
    origin,
    verifierKey,
    head,

    /** Returns the head of the log when it had `size` events, or the newest if it has fewer. Throws
     * `unavailable` if the stored tree is not the one that the newest head covers, or does not continue
     * what was signed. */
    headAt,

    treeHead,

    /** Throws `unavailable` unless the log continues what was signed, and its key signed its newest
     * checkpoint. */
    requireContinued: async (): Promise<void> => {
      const kept = guard.kept()
      const present = await treeHead()
      await requireContinued(kept, present)
      guard.keep(present)
    },

    /** Records events, those of one call in one transaction; resolves after COMMIT. */
    append: (events: readonly SubmittedEvent[]): Promise<readonly Outcome[]> =>
      submitEvents(events, { hasReceipts: false }),

    /** Records the events with which a loss is accepted, though replicas have stopped the log for this reason. */
    appendAccepting: (
      events: readonly SubmittedEvent[],
      accepts: string | undefined,
    ): Promise<readonly Outcome[]> => submitEvents(events, { hasReceipts: false, accepts }),

    /** Decides an attempt to open a lock when its turn comes, and records the decision; resolves after COMMIT. */
    decide: async (
      attempt: unknown,
      { account, hasReceipt = true }: Deciding,
    ): Promise<Outcome | Answered> => {
      const items = [{ kind: 'decision', attempt }] as const
      const [outcome] = await submit(items, account, { hasReceipts: hasReceipt })
      if (!outcome) throw new Error('an attempt got no outcome')
      return outcome
    },

    recordIn,
    reportIn,

    /** Records a lock's report; resolves after COMMIT. A repeated entry of the lock's own log is a `duplicate`. */
    report: async (report: NewReport): Promise<Outcome> => {
      const items = [reportItem(report)]
      const account = `lock:${report.lock}`
      const [outcome] = (await submit(items, account, {
        hasReceipts: false,
      })) as readonly Outcome[]
      if (!outcome) throw new Error('a report got no outcome')
      return outcome
    },

    /** Records events like `append`, and adds a receipt for each event that the log now has. If none is new, the
     * receipts are against the log as it was when the newest of them was recorded. */
    appendWithReceipts: async (events: readonly SubmittedEvent[]): Promise<readonly Outcome[]> => {
      const outcomes = await submitEvents(events, { hasReceipts: true })
      const duplicates = outcomes.filter(({ status }) => status === 'duplicate')
      if (duplicates.length === 0 || outcomes.some(({ status }) => status === 'stored'))
        return outcomes
      const earlier = await store.findAll(duplicates.map(({ id }) => id))
      const made = await receipts(
        earlier,
        await headAt(Math.max(...duplicates.map(({ seq }) => seq + 1))),
      )
      return outcomes.map((one) =>
        one.status === 'duplicate' ? { ...one, receipt: made.get(one.seq) } : one,
      )
    },

    /** Called after another process has committed: keeps the head of the log if that continues the largest one, and
     * tells listeners if it has grown. Throws `unavailable` as `requireContinued` does. */
    refresh: async (): Promise<void> => {
      const kept = guard.kept()
      const present = await treeHead()
      await requireContinued(kept, present)
      if (!kept || present.size > kept.size) grown(present, false)
    },

    /** Calls `listener` after each COMMIT that appended, with the size of the log, and whether this process did. */
    onCommit: (listener: OnGrowth): void => {
      listeners.add(listener)
    },

    /** Returns a C2SP tlog-proof of an event against a checkpoint, by default the newest. */
    receipt: async (seq: number, against?: Head): Promise<string> => {
      const { size, checkpoint } = against ?? (await head())
      const [proof = []] = await store.proofs([inclusionNodes(seq, size)])
      return formatReceipt({ index: seq, proof, checkpoint })
    },

    /** Returns receipts by sequence number, against a checkpoint. Each contains its event as extra data, so
     * that its holder needs nothing else but the log's key. */
    receipts,

    /** Returns the hashes that show that the log of `to` events extends that of `from`, neither of
     * which is larger than the log. */
    consistency: async (from: number, to: number): Promise<readonly Uint8Array[]> => {
      const [proof = []] = await store.proofs([consistencyNodes(from, to)])
      return proof
    },

    ...logErasure(store),
  }
}

export type OnGrowth = (size: number, isOwn: boolean) => void

type Deciding = {
  /** The public id of the account that makes the attempt. */
  readonly account: string
  /** True by default. */
  readonly hasReceipt?: boolean
}

const itemOf = (event: SubmittedEvent): Item =>
  hasId(event)
    ? { kind: 'claim', event }
    : { kind: 'new', event: { ...event, id: Bun.randomUUIDv7() } }

const hasId = (event: SubmittedEvent): event is NewUnlockEvent => event.id !== undefined
