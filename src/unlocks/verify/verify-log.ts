import { sha256 } from '#crypto'
import { type Head, type ParsedCheckpoint, openCheckpoint } from '../tlog/checkpoint.ts'
import { commitment, personHash } from '../log/entry.ts'
import { type UnlockEvent, isListedRight } from '../log/event.ts'
import type { LogRecord } from '../log/record.ts'
import { type Leaf, isRecord, leafBytes } from '../log/leaf.ts'
import { verifyInclusion } from '../tlog/merkle-proof.ts'
import { type Frontier, frontier, isSameHash, leafHash } from '../tlog/merkle-tree.ts'
import { controllerChecks } from './controllers.ts'
import { ProofError } from '../tlog/proof-format.ts'
import { keptCheckpoint, parseReceipt } from '../tlog/receipt.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'

/** The result of verifying the log: its size, or the first fault, with the sequence number of the
 * event where it shows, if there is one. */
export type Verdict =
  | { readonly ok: true; readonly size: number }
  | { readonly ok: false; readonly seq: number | undefined; readonly fault: string }

/** Where the leaves come from: the database, or the files of a bundle. */
type LogSource = {
  /** Returns leaves in order; called once for each page. LogFault if one cannot be read. */
  readonly leaves: (afterSeq: number, limit: number) => Promise<readonly Leaf[]>
  /** Returns the sequence number of a leaf outside the newest head, looking at both at once. */
  readonly strayLeaf: () => Promise<number | undefined>
  /** True if there is a node outside it, for sources that store nodes. */
  readonly hasStrayNode?: () => Promise<boolean>
  /** Returns the tree's inner nodes in the order in which events complete them, for sources that
   * store nodes. */
  readonly nodesOf?: (firstSeq: number, lastSeq: number) => Promise<readonly Uint8Array[]>
  /** Returns receipts against the newest checkpoint by sequence number, for sources that have them. */
  readonly receiptsOf?: (firstSeq: number, lastSeq: number) => Promise<ReadonlyMap<number, string>>
}

export type VerifyOptions = {
  /** False leaves out the signatures of controllers, which take most of the time; true by default. */
  readonly checksSignatures?: boolean
  /** Checkpoints or receipts kept elsewhere: the log must extend them. */
  readonly kept?: readonly string[]
  /** Called after each page, to show progress or to yield to other work. */
  readonly afterPage?: (verified: number) => Promise<void> | void
}

type Options = VerifyOptions & {
  readonly source: LogSource
  /** The newest checkpoint, and the size stored beside it, if there is one. */
  readonly head: Pick<Head, 'checkpoint'> & Partial<Head>
  readonly key: VerifierKey
}

/** Few enough that other work waits for about 2 ms at most on a fast machine. */
const PAGE_ROWS = 500

/** Recomputes every commitment, leaf and node of the log from its rows, and compares the root with
 * the signed head and with kept checkpoints. Memory does not grow with the log. */
export const verifyLog = async ({
  source,
  head,
  key,
  kept = [],
  checksSignatures = true,
  afterPage,
}: Options): Promise<Verdict> => {
  try {
    const stated = opened(head.checkpoint, key, 'The newest checkpoint')
    const size = head.size ?? stated.size
    const milestones = kept.map((note) => opened(note, key, 'The kept checkpoint'))
    const beyond = milestones.find((milestone) => milestone.size > stated.size)
    if (beyond)
      throw new LogFault(
        `The kept checkpoint has ${beyond.size} events, the log only ${stated.size}`,
        stated.size,
      )
    const tree = frontier()
    const controllers = controllerChecks({ checksSignatures })
    /** The number of events that a kept checkpoint confirms. */
    let known = 0
    const passMilestones = () => {
      for (const milestone of milestones) {
        if (milestone.size !== tree.size()) continue
        if (!isSameHash(tree.root(), milestone.root))
          throw new LogFault(`${mismatch(known, milestone.size)} the kept checkpoint`, known)
        known = milestone.size
      }
    }
    passMilestones()
    for (;;) {
      // Events recorded since this verification began are left to the next one.
      const limit = Math.min(PAGE_ROWS, size - tree.size())
      const rows = limit > 0 ? await source.leaves(tree.size() - 1, limit) : []
      if (rows.length === 0) break
      const { checkpoint } = head
      await checkPage({ rows, tree, source, controllers, stated, checkpoint, passMilestones })
      await afterPage?.(tree.size())
    }
    const stray = await source.strayLeaf()
    if (stray !== undefined) throw new LogFault('There are events that no checkpoint covers', stray)
    if (tree.size() < stated.size)
      throw new LogFault(`${stated.size - tree.size()} events are missing at the end`, tree.size())
    if (size !== stated.size || !isSameHash(tree.root(), stated.root))
      throw new LogFault(
        `${mismatch(known, tree.size())} the newest checkpoint`,
        known < tree.size() ? known : undefined,
      )
    if (await source.hasStrayNode?.())
      throw new LogFault('The tree has nodes that belong to no event', tree.size())
    return { ok: true, size: tree.size() }
  } catch (error) {
    return faultVerdict(error)
  }
}

/** Returns the verdict of a LogFault; throws any other error again. */
export const faultVerdict = (error: unknown): Verdict => {
  if (!(error instanceof LogFault)) throw error
  return { ok: false, seq: error.seq, fault: error.message }
}

/** Checks the commitment and the leaf of one event or record; returns the fault, if there is one. */
export const leafFault = (leaf: Leaf): string | undefined => {
  const fault = isRecord(leaf) ? bodyFault(leaf) : (personFault(leaf) ?? statementFault(leaf))
  if (fault) return fault
  if (!isSameHash(leafHash(leafBytes(leaf)), leaf.leafHash)) return 'its entry was changed'
  if (isRecord(leaf) || isListedRight(leaf)) return undefined
  return 'the time at which it is listed was changed'
}

const personFault = ({ person, personHash: committed }: UnlockEvent): string | undefined => {
  if (!person || isSameHash(personHash(person.salt, person), committed)) return undefined
  return person.grantId === undefined
    ? 'its account, name or method was changed'
    : 'its account, name, method, token or grant was changed'
}

const statementFault = ({ statement, statementHash: hash }: UnlockEvent): string | undefined =>
  !statement || (hash && isSameHash(sha256(statement), hash))
    ? undefined
    : 'its signed statement was changed'

const bodyFault = ({ body, bodyHash }: LogRecord): string | undefined =>
  !body || isSameHash(commitment(body.salt, body.text), bodyHash)
    ? undefined
    : 'its body was changed'

type Page = {
  readonly rows: readonly Leaf[]
  readonly tree: Frontier
  readonly source: LogSource
  readonly controllers: ReturnType<typeof controllerChecks>
  readonly stated: ParsedCheckpoint
  readonly checkpoint: string
  readonly passMilestones: () => void
}

const checkPage = async ({ rows, tree, source, controllers, passMilestones, ...signed }: Page) => {
  const first = tree.size()
  const last = first + rows.length - 1
  const nodes = (await source.nodesOf?.(first, last))?.values()
  const receipts = await source.receiptsOf?.(first, last)
  for (const leaf of rows) {
    const seq = tree.size()
    if (leaf.seq !== seq) throw new LogFault(`Event ${seq} is missing`, seq)
    const fault =
      leafFault(leaf) ?? controllers.counterFault(leaf) ?? (await controllers.signatureFault(leaf))
    if (fault) throw new LogFault(`Event ${seq}: ${fault}`, seq)
    const receipt = receipts?.get(seq)
    if (receipt !== undefined) requireProof(receipt, leaf, signed)
    for (const { level, index, hash } of tree.append(leaf.leafHash)) {
      const stored = level === 0 || !nodes ? hash : nodes.next().value
      if (!stored || !isSameHash(stored, hash)) {
        const from = index * 2 ** level
        throw new LogFault(`Events ${from} to ${seq}: the tree was built from other events`, from)
      }
    }
    passMilestones()
  }
}

type Signed = Pick<Page, 'stated' | 'checkpoint'>

const requireProof = (text: string, leaf: Leaf, { stated, checkpoint }: Signed): void => {
  const { seq, leafHash: hash } = leaf
  try {
    const receipt = parseReceipt(text)
    if (receipt.index !== seq || receipt.checkpoint !== checkpoint)
      throw new LogFault(`Event ${seq}: its receipt belongs to another event or checkpoint`, seq)
    const { size, root } = stated
    if (!verifyInclusion({ leafHash: hash, index: seq, size, proof: receipt.proof, root }))
      throw new LogFault(`Event ${seq}: the event or its receipt is not what was signed`, seq)
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    throw new LogFault(`Event ${seq}: ${error.message}`, seq)
  }
}

/** Why a log is not intact, and at which event that shows, if at one. */
export class LogFault extends Error {
  readonly seq: number | undefined

  constructor(message: string, seq?: number) {
    super(message)
    this.seq = seq
  }
}

const opened = (note: string, key: VerifierKey, what: string): ParsedCheckpoint => {
  try {
    return openCheckpoint(keptCheckpoint(note), key)
  } catch (error) {
    if (error instanceof ProofError) throw new LogFault(`${what} is not valid: ${error.message}`)
    throw error
  }
}

const mismatch = (from: number, end: number): string => {
  if (end <= from) return 'The events do not match'
  if (end - from === 1) return `Event ${from} does not match`
  return `Events ${from} to ${end - 1} do not match`
}
