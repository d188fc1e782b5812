import { AppError } from '../../errors.ts'
import type { Queries } from '../../storage/database.ts'
import type { AfterAppend } from '../../storage/writing/after-append.ts'
import type { Recorded } from '../../storage/writing/recorded.ts'
import type { Program, TurnGiven } from '../../storage/writing/writer.ts'
import { together } from '../../storage/writing/together.ts'
import type { Head } from '../tlog/checkpoint.ts'
import { type Break, findBreak } from '../tlog/continuity.ts'
import { type Frontier, isSameHash } from '../tlog/merkle-tree.ts'
import { clearStops, parseStops } from '../guard/stop-store.ts'
import { logStopped } from '../guard/words.ts'
import { inclusionNodes } from '../tlog/proof-nodes.ts'
import { formatReceipt } from '../tlog/receipt.ts'
import type { NoteSigner } from '../tlog/signed-note.ts'
import { type ClockReading, readingAfter } from '../log/clock.ts'
import { type UnerasedEvent, isByLock } from '../log/event.ts'
import { type Leaf, leafLine } from '../log/leaf.ts'
import { type Growth, type Random, growth } from './growth.ts'
import type { Item, Kind, Kinds, Planned } from './kinds.ts'
import { type BucketKey, nameWrites } from '../log/names-store.ts'
import { type UnlockWrites, logReads, unlockWrites } from '../log/store.ts'
import {
  CONTINUES_MAX,
  type Current,
  type Foreign,
  type Known,
  type TextHead,
  broken,
  caughtUp,
  openedHead,
  readForeign,
  signed,
  textHead,
  treeHeadOf,
} from './known-log.ts'
import { type Openings, openingsIn } from './openings-store.ts'

/** Items to record together, in order. Submissions and their outcomes pass as JSON. */
export type Submission = {
  readonly items: readonly Item[]
  readonly reading: ClockReading
  /** The largest signed head, which the log must continue. Only the first submission of a group has it. */
  readonly kept?: TextHead | undefined
  /** True if each leaf gets a receipt. */
  readonly hasReceipts: boolean
  /** True if it belongs to a unit of work, which must not be committed without it. */
  readonly isPart?: boolean
  /** Why replicas have stopped the log, as it is stored, if this accepts the loss. */
  readonly accepts?: string | undefined
}

/** What became of an item, and the leaf that now has its id. A receipt is against the log as it was right
 * after the submission, so that it does not tell what others did since. */
export type Outcome = {
  readonly status: 'stored' | 'duplicate' | 'conflict'
  readonly id: string
  readonly seq: number
  readonly receipt?: string | undefined
  /** The answer of a decision. */
  readonly answer?: unknown
}

/** What became of an attempt that got no leaf of its own. */
export type Answered = { readonly status: 'answered'; readonly answer: unknown }

/** The outcomes of a submission's items, in order, and for the first submission of a group the head after the
 * group; or why nothing was recorded. */
export type Appended =
  | { readonly outcomes: readonly (Outcome | Answered)[]; readonly head?: TextHead | undefined }
  | { readonly stopped: Break; readonly isKnown?: boolean }

type Dependencies = {
  /** Reads the key of the log; called at the first append. */
  readonly signer: () => NoteSigner
  readonly kinds: Kinds
  readonly afterAppend?: AfterAppend | undefined
  /** True if several replicas append to the log. */
  readonly isShared?: boolean
  readonly random?: Random
}

/** Returns the program that appends submissions to the log. It fails with `unavailable` if the stored tree is
 * not the one that the key signed. If the log does not continue the largest signed head, it records nothing,
 * and fails as well if units of work depend on it: the log never forks. */
export const appendProgram = ({
  signer: readSigner,
  random = randomBytes,
  isShared = false,
  ...deps
}: Dependencies): Program => {
  const kinds = deps.kinds as Readonly<Record<Item['kind'], Kind<Item, unknown>>>
  let signer: NoteSigner | undefined
  const bucketKey: BucketKey = {}
  /** The log as this program stored it last. */
  let known: Known | undefined

  /** Returns the log as stored: another process may have appended since, or someone may have replaced the
   * file. */
  const current = async (
    { writes, openings }: { readonly writes: UnlockWrites; readonly openings: Openings },
    key: NoteSigner,
    { before, kept }: { readonly before: Known | undefined; readonly kept: TextHead | undefined },
  ): Promise<Current | Break> => {
    const head = await writes.head()
    const size = head?.size ?? 0
    if ((await writes.nextSeq()) !== size) throw broken('its rows and its head differ')
    // What was signed since may be lost again, so that the log is as this program stored it.
    const isNewest = size >= (kept?.size ?? 0)
    if (before && isNewest && before.checkpoint === head?.checkpoint) return before
    const tree = await writes.frontier(size)
    if (head) requireSigned(head, tree, key)
    const found =
      kept && (await findBreak(treeHeadOf(kept), { size, root: tree.root() }, writes.proofs))
    return (
      found ?? {
        tree,
        logged: {
          certainMs: await writes.newestCertainMs(),
          lastMs: isShared ? await writes.receivedAtMs(size - 1) : undefined,
        },
        hasReports: await openings.hasReports(),
      }
    )
  }

  const append = async (
    tx: Queries,
    inputs: readonly unknown[],
    { read, stopped, isPaused }: Partial<TurnGiven>,
  ): Promise<Recorded | undefined> => {
    const submissions = inputs as readonly Submission[]
    signer ??= readSigner()
    const foreign = read as Foreign | undefined
    const accepted = submissions.find(({ accepts }) => accepts !== undefined)?.accepts
    if (stopped !== undefined && accepted !== stopped) {
      const { breaks } = parseStops(stopped, signer.verifierKey.name)
      return refused(submissions, breaks[0], true)
    }
    if (isPaused && accepted === undefined) throw new AppError('unavailable', PROMOTED)
    const names = nameWrites(tx, bucketKey)
    const writes = unlockWrites(tx, names)
    const openings = openingsIn(tx)
    const kept = submissions[0]?.kept
    const before = known
    // The tree in memory grows before COMMIT, which may fail.
    known = undefined
    const stored =
      (before && foreign && caughtUp(before, foreign, { key: signer, kept })) ??
      (await current({ writes, openings }, signer, { before: foreign ? undefined : before, kept }))
    if ('kind' in stored) return refused(submissions, stored, false)
    const { tree } = stored
    let { hasReports } = stored
    let { logged } = stored
    const log = growth(tree, random)
    const from = log.size()
    const [states] = await together([
      load(tx, kinds, submissions),
      isShared ? names.lookUp(reportedIn(submissions)) : NOTHING,
    ])
    const planned = submissions.map(({ items, hasReceipts, ...given }) => {
      const reading = readingAfter(given.reading, logged)
      logged = { certainMs: reading.newestMs, lastMs: isShared ? reading.nowMs : undefined }
      return {
        outcomes: items.map((item) =>
          kinds[item.kind].plan(item, states.get(item.kind), log, reading),
        ),
        head: hasReceipts ? headThen(log) : undefined,
      }
    })
    const root = log.rootNow()()
    const head = signed(signer, { size: log.size(), root })
    const inserted = writes.insertAll(log.events)
    hasReports ||= log.events.some(isByLock)
    const joined = hasReports ? await inserted.then(() => openings.join(log.events)) : NONE
    const [isNext] = await together([
      writes.setHead(head, from),
      inserted,
      writes.insertRecords(log.records),
      writes.insertNodes(log.innerNodes()),
      tellAppended(tx, deps.afterAppend, { events: log.events, joined }),
    ])
    if (!isNext) return undefined
    if (accepted !== undefined) await clearStops(tx)
    await writes.summarize({ from, to: head.size })
    for (const [kind, state] of states)
      if ((await kinds[kind].store?.(tx, state)) === false) return undefined
    const outcomes: Appended[] = []
    for (const one of planned)
      outcomes.push({ outcomes: await answered(one, { writes, signer, log, newest: head }) })
    const [first = { outcomes: [] }, ...others] = outcomes
    const newest = textHead({ size: head.size, root })
    const continues = [newest, ...(kept ? [kept] : []), ...(before?.continues ?? [])]
    return {
      outcomes: [{ ...first, head: newest }, ...others],
      onCommit: () =>
        (known = {
          checkpoint: head.checkpoint,
          tree,
          logged,
          hasReports,
          continues: continues.slice(0, CONTINUES_MAX),
        }),
    }
  }

  const first: Program['first'] = async (tx) =>
    known && readForeign(logReads(tx), known.tree.size())

  return Object.assign(
    (tx: Queries, inputs: readonly unknown[], given: TurnGiven | undefined) =>
      append(tx, inputs, given ?? {}),
    isShared ? { first } : {},
  )
}

/** Refuses a group because the log is stopped, or fails if units of work depend on it. */
const refused = (
  submissions: readonly Submission[],
  { kind, size }: Break,
  isKnown: boolean,
): Recorded => {
  const stopped = { kind, size }
  if (submissions.some(({ isPart }) => isPart)) throw logStopped(stopped)
  return { outcomes: submissions.map(() => ({ stopped, isKnown }) satisfies Appended) }
}

const PROMOTED =
  'Another database server has just taken over; nothing is recorded for a few seconds, try again'

const NOTHING = Promise.resolve()

const NONE: ReadonlyMap<number, number> = new Map()

type Appending = {
  readonly events: readonly UnerasedEvent[]
  /** The number of the earlier leaf of the same opening, by that of the later one. */
  readonly joined: ReadonlyMap<number, number>
}

/** Passes on appended events, except old ones of the legacy server. */
const tellAppended = async (
  tx: Queries,
  afterAppend: AfterAppend | undefined,
  { events, joined }: Appending,
): Promise<void> => {
  const told = events.filter(({ source }) => source !== 'imported')
  if (!afterAppend || told.length === 0) return
  await afterAppend(
    tx,
    told.map(({ seq, lock, result, reason, source, person, receivedAtMs, happenedAtMs }) => ({
      seq,
      lock,
      result,
      reason,
      source,
      accountPublicId: person.accountPublicId,
      receivedAtMs,
      happenedAtMs,
      passId: person.guest?.passId,
      sameAs: joined.get(seq),
    })),
  )
}

type Planning = {
  readonly outcomes: readonly Planned[]
  /** The head after the submission, if its leaves get receipts. */
  readonly head: Unsigned | undefined
}

type Unsigned = { readonly size: number; readonly root: () => Uint8Array }

const headThen = (log: Growth): Unsigned => ({ size: log.size(), root: log.rootNow() })

/** Loads the state of each kind of item in a group. */
const load = async (
  tx: Queries,
  kinds: Readonly<Record<Item['kind'], Kind<Item, unknown>>>,
  submissions: readonly Submission[],
): Promise<ReadonlyMap<Item['kind'], unknown>> => {
  const byKind = Map.groupBy(
    submissions.flatMap(({ items }) => items),
    ({ kind }) => kind,
  )
  return new Map(
    await together(
      [...byKind].map(async ([kind, items]) => [kind, await kinds[kind].load(tx, items)] as const),
    ),
  )
}

/** Returns the accounts and methods of events that are known before the group is planned. */
const reportedIn = (submissions: readonly Submission[]) =>
  submissions.flatMap(({ items }) =>
    items.flatMap((item) => (item.kind === 'new' || item.kind === 'claim' ? item.event : [])),
  )

type Answering = {
  readonly writes: UnlockWrites
  readonly signer: NoteSigner
  readonly log: Growth
  /** The head after the group. */
  readonly newest: Head
}

/** Returns the outcomes of a submission, with receipts if it wants them. If it stored nothing new, the service
 * makes the receipts, against the log as it was when the leaves were recorded. */
const answered = async (
  { outcomes, head: unsigned }: Planning,
  { writes, signer, log, newest }: Answering,
): Promise<readonly (Outcome | Answered)[]> => {
  const hasStored = outcomes.some(({ status }) => status === 'stored')
  if (!unsigned || !hasStored) return outcomes.map((outcome) => answer(outcome))
  const { size, checkpoint } =
    unsigned.size === newest.size ? newest : signed(signer, { ...unsigned, root: unsigned.root() })
  const proofs = (
    await writes.proofs(
      outcomes.filter(isProven).map(({ leaf }) => inclusionNodes(leaf.seq, size)),
      log.hashOf,
    )
  ).values()
  return outcomes.map((outcome) => {
    if (!isProven(outcome)) return answer(outcome)
    const proof = proofs.next().value
    return answer(outcome, proof && receiptOf(outcome.leaf, proof, checkpoint))
  })
}

const isProven = (
  outcome: Planned,
): outcome is Extract<Planned, { readonly status: 'stored' | 'duplicate' }> =>
  outcome.status === 'stored' || outcome.status === 'duplicate'

const answer = (planned: Planned, receipt?: string): Outcome | Answered => {
  if (planned.status === 'answered') return planned
  const { status, leaf } = planned
  const outcome = { status, id: leaf.id, seq: leaf.seq, receipt }
  return 'answer' in planned ? { ...outcome, answer: planned.answer } : outcome
}

/** Returns the receipt of a leaf, which contains the leaf itself. */
export const receiptOf = (leaf: Leaf, proof: readonly Uint8Array[], checkpoint: string): string =>
  formatReceipt({ index: leaf.seq, proof, checkpoint, extra: UTF8.encode(leafLine(leaf)) })

const UTF8 = new TextEncoder()

const randomBytes: Random = (bytes) => crypto.getRandomValues(new Uint8Array(bytes))

/** Throws `unavailable` unless this key signed this tree: the log must not continue with another key, or with
 * a tree that was tampered with. */
const requireSigned = (head: Head, tree: Frontier, signer: NoteSigner): void => {
  const { size, root } = openedHead(head, signer)
  if (size !== tree.size() || !isSameHash(root, tree.root()))
    throw broken('its tree does not match its newest checkpoint')
}
