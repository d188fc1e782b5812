import { AppError } from '../../errors.ts'
import { WRITE_WAIT_MS } from '../../storage/database.ts'
import { type GroupCommit, groupCommit } from '../../storage/group-commit.ts'
import { type Head, openCheckpoint, signCheckpoint } from '../tlog/checkpoint.ts'
import { verifyConsistency } from '../tlog/merkle-proof.ts'
import { type Frontier, emptyRoot, isSameHash, leafHash } from '../tlog/merkle-tree.ts'
import { consistencyNodes, inclusionNodes } from '../tlog/proof-nodes.ts'
import { formatReceipt } from '../tlog/receipt.ts'
import { type NoteSigner, formatVerifierKey } from '../tlog/signed-note.ts'
import type { ClockReading } from './clock.ts'
import { logErasure } from './erasure.ts'
import {
  NO_ACCOUNT,
  type NewUnlockEvent,
  SALT_BYTES,
  type UnlockEvent,
  entryBytes,
  entryLine,
  happenedAtMs,
  isLate,
  personHash,
} from './event.ts'
import type { UnlockStore, UnlockWrites } from './store.ts'

export type UnlockLog = Awaited<ReturnType<typeof openUnlockLog>>

/** What became of a submitted event, and the event that now has its id. A `duplicate` was recorded
 * before with the same content; a `conflict` has the id of an event with other content. */
export type Outcome =
  | { readonly status: 'stored'; readonly event: UnlockEvent; readonly head: HeadThen }
  | { readonly status: 'duplicate' | 'conflict'; readonly event: UnlockEvent }

/** Returns the log's head after a submission, without those that shared its commit. */
type HeadThen = () => Head

type Dependencies = {
  readonly store: UnlockStore
  readonly signer: NoteSigner
  readonly clock: () => ClockReading
}

/** Events that share one commit, so that other requests wait for milliseconds at most, and events
 * that may wait for theirs: lone ones, and those of batches. */
const GROUP_EVENTS_MAX = 500
const WAITING_EVENTS_MAX = 10_000

/** Opens the unlock log, which appends in groups and proves its contents. Appending throws
 * `unavailable` if the stored tree is not the one that this key signed: the log never forks. */
export const openUnlockLog = async ({ store, signer, clock }: Dependencies) => {
  const origin = signer.verifierKey.name
  const verifierKey = formatVerifierKey(signer.verifierKey)
  let tree: Frontier | undefined
  const listeners = new Set<(size: number) => void>()

  const sign = (size: number, root: Uint8Array): Head => ({
    size,
    checkpoint: signCheckpoint({ origin, size, root }, signer),
  })

  const headThen = (growing: Frontier): HeadThen => {
    const [size, root] = [growing.size(), growing.rootNow()]
    return () => sign(size, root())
  }

  /** Returns the tree as stored: another process may have written since. */
  const currentTree = async (writes: UnlockWrites): Promise<Frontier> => {
    const known = await writes.head()
    const size = known?.size ?? 0
    if ((await writes.nextSeq()) !== size) throw broken('its rows and its head differ')
    if (tree?.size() === size) return tree
    const stored = await writes.frontier(size)
    if (known) requireSigned(known, stored, signer)
    tree = stored
    return stored
  }

  const appendGroup = async (submissions: readonly (readonly NewUnlockEvent[])[]) => {
    try {
      const committed = await store.transaction(async (writes) => {
        const growing = await currentTree(writes)
        const reading = clock()
        const outcomes: (readonly Outcome[])[] = []
        for (const events of submissions) {
          const recorded: (UnlockEvent | Duplicate)[] = []
          for (const event of events)
            recorded.push(await appendOne({ writes, growing, event, reading }))
          const then = headThen(growing)
          outcomes.push(recorded.map((one) => outcomeOf(one, then)))
        }
        const head = sign(growing.size(), growing.root())
        await writes.setHead(head)
        return { outcomes, size: head.size }
      })
      for (const listener of listeners) listener(committed.size)
      return committed.outcomes
    } catch (error) {
      // The transaction was rolled back, but the tree in memory was not.
      tree = undefined
      throw error
    }
  }

  const group: GroupCommit<readonly NewUnlockEvent[], readonly Outcome[]> = groupCommit({
    commit: appendGroup,
    sizeOf: (events) => events.length,
    groupSizeMax: GROUP_EVENTS_MAX,
    waitingSizeMax: WAITING_EVENTS_MAX,
    waitMsMax: WRITE_WAIT_MS,
    accountOf: ([first]) => first?.accountPublicId ?? NO_ACCOUNT,
  })

  const head = async (): Promise<Head> => {
    const known = await store.head()
    if (!known) throw broken('it has no head')
    return known
  }

  /** Signs an earlier head, but only of the tree that the newest one covers: the rows alone prove
   * nothing. */
  const earlierHead = async (size: number, newest: Head): Promise<Head> => {
    const fromRoot = (await store.frontier(size)).root()
    const [proof = []] = await store.proofs([consistencyNodes(size, newest.size)])
    const { root: toRoot } = openCheckpoint(newest.checkpoint, signer.verifierKey)
    if (!verifyConsistency({ from: size, to: newest.size, proof, fromRoot, toRoot }))
      throw broken('its tree does not match its newest checkpoint')
    return sign(size, fromRoot)
  }

  if (!(await store.head()) && (await store.nextSeq()) === 0)
    await store.transaction((writes) => writes.setHead(sign(0, emptyRoot())))

  return {
    origin,
    verifierKey,
    head,

    /** Returns the head of the log when it had `size` events, or the newest if it has fewer. Throws
     * `unavailable` if the stored tree is not the one that the newest head covers. */
    headAt: async (size: number): Promise<Head> => {
      const newest = await head()
      return size < newest.size ? earlierHead(size, newest) : newest
    },

    /** Records events, those of one call in one transaction; resolves after COMMIT. */
    append: (events: readonly NewUnlockEvent[]): Promise<readonly Outcome[]> =>
      group.submit(events),

    /** Calls `listener` after each COMMIT with the size of the log. */
    onCommit: (listener: (size: number) => void): void => {
      listeners.add(listener)
    },

    /** Returns a C2SP tlog-proof of an event against a checkpoint, by default the newest. */
    receipt: async (seq: number, against?: Head): Promise<string> => {
      const { size, checkpoint } = against ?? (await head())
      const [proof = []] = await store.proofs([inclusionNodes(seq, size)])
      return formatReceipt({ index: seq, proof, checkpoint })
    },

    /** Returns receipts to hand out, by sequence number, against a checkpoint. Each carries its event
     * as extra data, so that its holder needs nothing else but the log's key. */
    receipts: async (
      events: readonly UnlockEvent[],
      { size, checkpoint }: Head,
    ): Promise<ReadonlyMap<number, string>> => {
      const proofs = await store.proofs(events.map(({ seq }) => inclusionNodes(seq, size)))
      return new Map(
        events.map((event, at) => {
          const extra = UTF8.encode(entryLine(event))
          const proven = { index: event.seq, proof: proofs[at] ?? [], checkpoint, extra }
          return [event.seq, formatReceipt(proven)]
        }),
      )
    },

    /** Returns the hashes that show that the log of `to` events extends that of `from`, neither of
     * which is larger than the log. */
    consistency: async (from: number, to: number): Promise<readonly Uint8Array[]> => {
      const [proof = []] = await store.proofs([consistencyNodes(from, to)])
      return proof
    },

    ...logErasure(store),

    /** Resolves when every submitted event is committed or refused. */
    drained: group.drained,
  }
}

const UTF8 = new TextEncoder()

type Duplicate = { readonly event: UnlockEvent; readonly isIdentical: boolean }

type Append = {
  readonly writes: UnlockWrites
  readonly growing: Frontier
  readonly event: NewUnlockEvent
  readonly reading: ClockReading
}

const appendOne = async ({
  writes,
  growing,
  event,
  reading,
}: Append): Promise<UnlockEvent | Duplicate> => {
  const { accountPublicId, username, method, formerId, ...rest } = event
  const former = formerId === undefined ? undefined : await writes.find(formerId)
  if (former && isFormer(former, event))
    return { event: former, isIdentical: isIdentical(former, event) }
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
  const person = { accountPublicId, username, method, salt }
  const entry = {
    ...rest,
    seq: growing.size(),
    receivedAtMs: reading.nowMs,
    isLate: isLate(event.occurredAtMs, reading.nowMs),
    isTimeUncertain: reading.isUncertain,
    personHash: personHash(salt, person),
  }
  const stored = {
    ...entry,
    person,
    happenedAtMs: happenedAtMs(entry, reading.newestMs),
    leafHash: leafHash(entryBytes(entry)),
  }
  if (!(await writes.insert(stored))) {
    const known = await writes.find(event.id)
    if (!known) throw broken('it refuses an event that it does not have')
    return { event: known, isIdentical: isIdentical(known, event) }
  }
  for (const node of growing.append(stored.leafHash))
    if (node.level > 0 && !(await writes.insertNode(node)))
      throw broken('its tree has a node that belongs to no event')
  return stored
}

const isIdentical = (known: UnlockEvent, event: NewUnlockEvent): boolean =>
  known.person?.accountPublicId === event.accountPublicId &&
  known.person.method === event.method &&
  known.lock === event.lock &&
  known.result === event.result &&
  known.reason === event.reason &&
  known.source === event.source &&
  known.occurredAtMs === event.occurredAtMs

/** True if an event with the former id of another is an earlier record of it. Anyone may have taken
 * that id, but nobody under another account, or as an import. */
const isFormer = (former: UnlockEvent, { source, accountPublicId }: NewUnlockEvent): boolean =>
  former.source === source &&
  (source === 'imported' || former.person?.accountPublicId === accountPublicId)

const outcomeOf = (recorded: UnlockEvent | Duplicate, head: HeadThen): Outcome => {
  if (!('isIdentical' in recorded)) return { status: 'stored', event: recorded, head }
  return { status: recorded.isIdentical ? 'duplicate' : 'conflict', event: recorded.event }
}

/** Throws unless this key signed this tree: the log must not continue with another key, or with a tree
 * that was tampered with. */
const requireSigned = (head: Head, tree: Frontier, { verifierKey }: NoteSigner): void => {
  try {
    const { size, root } = openCheckpoint(head.checkpoint, verifierKey)
    if (size === tree.size() && isSameHash(root, tree.root())) return
  } catch {
    throw broken('its newest checkpoint is not signed by the key in the data folder')
  }
  throw broken('its tree does not match its newest checkpoint')
}

const broken = (fault: string): AppError =>
  new AppError('unavailable', `The unlock log is broken: ${fault}`)
