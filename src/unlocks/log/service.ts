import { AppError } from '../../errors.ts'
import { WRITE_WAIT_MS } from '../../storage/database.ts'
import { type GroupCommit, groupCommit } from '../../storage/group-commit.ts'
import { entryLine } from '../bundle/verify.ts'
import { openCheckpoint, signCheckpoint } from '../tlog/checkpoint.ts'
import {
  NO_ACCOUNT,
  type NewUnlockEvent,
  SALT_BYTES,
  entryBytes,
  isLate,
  personHash,
} from './event.ts'
import type { ClockReading } from './clock.ts'
import {
  type Frontier,
  consistencyProof,
  frontier,
  inclusionProof,
  leafHash,
} from '../tlog/merkle-tree.ts'
import { formatReceipt } from '../tlog/receipt.ts'
import { type NoteSigner, formatVerifierKey } from '../tlog/signed-note.ts'
import {
  type Erased,
  type Head,
  type UnlockEvent,
  type UnlockStore,
  type UnlockWrites,
  withNodes,
} from './store.ts'

export type UnlockLog = Awaited<ReturnType<typeof openUnlockLog>>

/** What became of an event that was to be recorded, and the event that now has its id. A `duplicate`
 * was recorded before with the same content; a `conflict` has the id of an event with other content. */
export type Outcome = {
  readonly status: 'stored' | 'duplicate' | 'conflict'
  readonly event: UnlockEvent
}

/** What erasing did. */
export type Erasure = {
  readonly events: number
  /** False while the write-ahead log still holds bytes of it, because another process reads. */
  readonly isWalTruncated: boolean
}

/** Events looked at in one transaction, so that unlocks wait for milliseconds at the most. */
const ERASED_AT_ONCE = 2000

type Dependencies = {
  readonly store: UnlockStore
  readonly signer: NoteSigner
  readonly clock: () => ClockReading
}

/** Events that share one commit, so that other requests wait for milliseconds at the most, and
 * events that may wait for theirs. */
const GROUP_EVENTS_MAX = 500
const WAITING_EVENTS_MAX = 10_000

/** Opens the unlock log: appends in groups, and proves what it holds. Appending throws
 * `unavailable` where the stored tree is not the one that this key signed: it never forks. */
export const openUnlockLog = async ({ store, signer, clock }: Dependencies) => {
  const origin = signer.verifierKey.name
  const verifierKey = formatVerifierKey(signer.verifierKey)
  let tree: Frontier | undefined
  const listeners = new Set<(size: number) => void>()

  const sign = (of: Frontier): Head => ({
    size: of.size(),
    checkpoint: signCheckpoint({ origin, size: of.size(), root: of.root() }, signer),
  })

  /** The tree as stored; another process may have written since. */
  const currentTree = async (writes: UnlockWrites): Promise<Frontier> => {
    const known = await writes.head()
    const size = known?.size ?? 0
    if ((await writes.nextSeq()) !== size) throw broken('its rows and its head differ')
    if (tree?.size() === size) return tree
    const stored = await withNodes(writes, (read) => frontier(size, read))
    if (known) requireSigned(known, stored, signer)
    tree = stored
    return stored
  }

  const appendGroup = async (submissions: readonly (readonly NewUnlockEvent[])[]) => {
    try {
      const committed = await store.transaction(async (writes) => {
        const growing = await currentTree(writes)
        const reading = clock()
        const outcomes: (readonly (UnlockEvent | Duplicate)[])[] = []
        for (const events of submissions) {
          const recorded: (UnlockEvent | Duplicate)[] = []
          for (const event of events)
            recorded.push(await appendOne({ writes, growing, event, reading }))
          outcomes.push(recorded)
        }
        const head = sign(growing)
        await writes.setHead(head)
        return {
          outcomes: outcomes.map((recorded) => recorded.map(outcomeOf)),
          size: head.size,
        }
      })
      for (const listener of listeners) listener(committed.size)
      return committed.outcomes
    } catch (error) {
      // What this tree has grown by was rolled back.
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
  })

  const erasePerson = async (erased: Erased): Promise<Erasure> => {
    let events = 0
    for (;;) {
      const { count, isLast } = await store.transaction(async (writes) => {
        const erasedCount = await writes.erasePerson(erased, ERASED_AT_ONCE)
        const isDone = !(await writes.hasEventsOf(erased))
        // With the last ones, so that whoever is interrupted before finds some and rebuilds too.
        if (isDone && erasedCount > 0) await writes.rebuildPersonalIndexes()
        return { count: erasedCount, isLast: isDone }
      })
      events += count
      if (isLast) return { events, isWalTruncated: await store.foldWal() }
      // Lets requests that came meanwhile go first.
      await Bun.sleep(0)
    }
  }

  const head = async (): Promise<Head> => {
    const known = await store.head()
    if (!known) throw broken('it has no head')
    return known
  }

  if (!(await store.head()) && (await store.nextSeq()) === 0)
    await store.transaction((writes) => writes.setHead(sign(frontier())))

  return {
    origin,
    verifierKey,
    head,

    /** Records events, those of one call in one transaction; resolves after COMMIT. */
    append: (events: readonly NewUnlockEvent[]): Promise<readonly Outcome[]> =>
      group.submit(events),

    /** Tells of every COMMIT from now on, with the size of the log after it. */
    onCommit: (listener: (size: number) => void): void => {
      listeners.add(listener)
    },

    /** A C2SP tlog-proof of an event against a checkpoint, the newest unless another is given. */
    receipt: async (seq: number, against?: Head): Promise<string> => {
      const { size, checkpoint } = against ?? (await head())
      const proof = await withNodes(store, (read) => inclusionProof(seq, size, read))
      return formatReceipt({ index: seq, proof, checkpoint })
    },

    /** Receipts to hand out, by sequence number, against the newest checkpoint: each has its event
     * as extra data, so that whoever holds it needs nothing else but the log's key. */
    receipts: async (events: readonly UnlockEvent[]): Promise<ReadonlyMap<number, string>> => {
      const { size, checkpoint } = await head()
      const proofs = await withNodes(store, (read) =>
        events.map(({ seq }) => inclusionProof(seq, size, read)),
      )
      return new Map(
        events.map((event, at) => {
          const extra = UTF8.encode(entryLine(event))
          const proven = { index: event.seq, proof: proofs[at] ?? [], checkpoint, extra }
          return [event.seq, formatReceipt(proven)]
        }),
      )
    },

    /** The hashes that show the log of `to` events to extend that of `from`; throws `invalid`. */
    consistency: async (from: number, to: number): Promise<readonly Uint8Array[]> => {
      const { size } = await head()
      if (from > to || to > size)
        throw new AppError('invalid', `Needs 0 <= from <= to <= ${size}, the size of the log`)
      return withNodes(store, (read) => consistencyProof(from, to, read))
    },

    /** Removes a person's text from the log and from the bytes of its files; every proof still
     * holds. */
    eraseAccount: (accountPublicId: string): Promise<Erasure> => erasePerson({ accountPublicId }),

    /** The same for a name in imported events that belong to no account. */
    eraseImportedName: (username: string): Promise<Erasure> =>
      erasePerson({ accountPublicId: NO_ACCOUNT, username }),

    /** The same for all persons' text of events received before then, and of imported events that
     * happened before then. */
    eraseBefore: async (timeMs: number): Promise<Erasure> => {
      const count = await store.countBefore(timeMs)
      let events = 0
      for (let seq = 0; seq < count; seq += ERASED_AT_ONCE) {
        const end = Math.min(seq + ERASED_AT_ONCE, count)
        events += await store.transaction((writes) => writes.eraseRange(seq, end))
        // Lets requests that came meanwhile go first.
        await Bun.sleep(0)
      }
      for (let erased = ERASED_AT_ONCE; erased === ERASED_AT_ONCE; events += erased) {
        erased = await store.transaction((writes) => writes.eraseImported(timeMs, ERASED_AT_ONCE))
        await Bun.sleep(0)
      }
      if (events > 0) await store.transaction((writes) => writes.rebuildPersonalIndexes())
      return { events, isWalTruncated: await store.foldWal() }
    },

    /** Resolves when every event that was to be recorded is committed or refused. */
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
  const { accountPublicId, username, method, ...rest } = event
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
  const stored = { ...entry, person, leafHash: leafHash(entryBytes(entry)) }
  if (!(await writes.insert(stored))) {
    const known = await writes.find(event.id)
    if (!known) throw broken(`it refuses an event that it does not have`)
    return { event: known, isIdentical: isIdentical(known, event) }
  }
  for (const node of growing.append(stored.leafHash))
    if (node.level > 0 && !(await writes.insertNode(node)))
      throw broken('its tree has a node that no event made')
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

const outcomeOf = (recorded: UnlockEvent | Duplicate): Outcome => {
  if (!('isIdentical' in recorded)) return { status: 'stored', event: recorded }
  return { status: recorded.isIdentical ? 'duplicate' : 'conflict', event: recorded.event }
}

/** Another key, or a tree that was tampered with, must not be signed on. */
const requireSigned = (head: Head, tree: Frontier, { verifierKey }: NoteSigner): void => {
  try {
    const { size, root } = openCheckpoint(head.checkpoint, verifierKey)
    if (size === tree.size() && Buffer.compare(root, tree.root()) === 0) return
  } catch {
    throw broken('its newest checkpoint is not signed by the key in the data folder')
  }
  throw broken('its tree is not the one that its newest checkpoint was signed for')
}

const broken = (fault: string): AppError =>
  new AppError('unavailable', `The unlock log does not hold together: ${fault}`)
