import { decodeBase64, encodeBase64 } from '#crypto'
import type { NewReport } from '../../domain/access.ts'
import type { Queries } from '../../storage/database.ts'
import type { DecisionKind } from '../../storage/writing/decision-kind.ts'
import type { ClockReading } from '../log/clock.ts'
import {
  type NewUnlockEvent,
  type UnerasedEvent,
  type UnlockEvent,
  decisionEvent,
  reportedEvent,
} from '../log/event.ts'
import type { RecordToAdd, UnerasedRecord } from '../log/record.ts'
import type { Growth } from './growth.ts'
import { type ReportEntry, entryKey, reportEntries } from './reports-store.ts'
import { logReads } from '../log/store.ts'

/** Something to record: plain data, because it passes between threads. */
export type Item =
  /** An event with an id that others know: of an unlock that an app reports or that is imported, or of the
   * event that stands for lost ones. It may have been recorded before. */
  | { readonly kind: 'claim'; readonly event: NewUnlockEvent }
  /** An event whose id was just made, so that it is not looked for: a refusal by this server itself, or an
   * unlock that an app reports without an id. */
  | { readonly kind: 'new'; readonly event: NewUnlockEvent }
  /** A change to who may open what. */
  | { readonly kind: 'record'; readonly record: RecordToAdd }
  /** An attempt to open a lock, which is decided when its turn comes. */
  | { readonly kind: 'decision'; readonly attempt: unknown }
  /** A lock's report. It may have been recorded before. */
  | { readonly kind: 'report'; readonly report: PlainReport }

/** A report with what was signed in Base64. */
type PlainReport = Omit<NewReport, 'signed'> & {
  readonly signed?: { readonly statement: string; readonly counter: number }
}

/** Returns the item that records a report. */
export const reportItem = ({ signed, ...report }: NewReport): ItemOf<'report'> => ({
  kind: 'report',
  report: signed
    ? { ...report, signed: { ...signed, statement: encodeBase64(signed.statement) } }
    : report,
})

const reportOf = ({ signed, ...report }: PlainReport): NewReport => {
  if (!signed) return report
  const statement = decodeBase64(signed.statement)
  if (!statement) throw new Error('a report was mangled on its way to the writer')
  return { ...report, signed: { ...signed, statement } }
}

type ItemOf<Name extends Item['kind']> = Extract<Item, { readonly kind: Name }>

/** What became of an item, and the leaf that now has its id. A `duplicate` was recorded before with the
 * same content; a `conflict` has the id of an event with other content. An `answered` attempt has no leaf of
 * its own. */
export type Planned =
  | {
      readonly status: 'stored'
      readonly leaf: UnerasedEvent | UnerasedRecord
      readonly answer?: unknown
    }
  | { readonly status: 'duplicate' | 'conflict'; readonly leaf: UnlockEvent }
  | { readonly status: 'answered'; readonly answer: unknown }

/** How items of one kind are recorded: in three steps for a whole group, inside its transaction. */
export type Kind<Given extends Item, State> = {
  /** Reads what the plans need for all items of the group, in few statements. */
  load(tx: Queries, items: readonly Given[]): Promise<State>
  /** Decides what becomes of an item. It touches only `state`, which it updates for the items after it, and
   * `log`, to which it adds a leaf once nothing can refuse the item any more. */
  plan(item: Given, state: State, log: Growth, reading: ClockReading): Planned
  /** Writes what belongs to the items besides their leaves. Returns false if a condition of the plans no
   * longer holds: then the group is planned again. */
  store?(tx: Queries, state: State): Promise<boolean>
}

/** Events by id: those in the log that a group refers to, and those that it has added. */
type Known = Map<string, UnlockEvent>

const claim: Kind<ItemOf<'claim'>, Known> = {
  load: async (tx, items) => {
    const ids = items.flatMap(({ event: { id, formerId } }) =>
      formerId === undefined ? id : [id, formerId],
    )
    return new Map((await logReads(tx).findAll(ids)).map((event) => [event.id, event]))
  },
  plan: ({ event }, known, log, reading) => {
    const former = event.formerId === undefined ? undefined : known.get(event.formerId)
    const earlier = former && isFormer(former, event) ? former : known.get(event.id)
    if (earlier)
      return { status: isIdentical(earlier, event) ? 'duplicate' : 'conflict', leaf: earlier }
    const added = log.addEvent(event, reading)
    known.set(added.id, added)
    return { status: 'stored', leaf: added }
  },
}

const withNewId: Kind<ItemOf<'new'>, undefined> = {
  load: async () => undefined,
  plan: ({ event }, _, log, reading) => ({ status: 'stored', leaf: log.addEvent(event, reading) }),
}

const record: Kind<ItemOf<'record'>, undefined> = {
  load: async () => undefined,
  plan: (item, _, log, reading) => ({
    status: 'stored',
    leaf: log.addRecord(item.record, reading),
  }),
}

/** Reports that are already in the log, and the entries of new ones, by lock and entry. */
type KnownReports = {
  readonly known: Map<string, UnlockEvent>
  readonly added: ReportEntry[]
  readonly attested: UnerasedEvent[]
}

const report: Kind<ItemOf<'report'>, KnownReports> = {
  load: async (tx, items) => ({
    known: await reportEntries(tx).find(items.map((item) => item.report)),
    added: [],
    attested: [],
  }),
  plan: (item, { known, added, attested }, log, reading) => {
    const { lock, entry } = item.report
    const earlier = entry === undefined ? undefined : known.get(entryKey({ lock, entry }))
    if (earlier) return { status: 'duplicate', leaf: earlier }
    const leaf = log.addEvent(reportedEvent(Bun.randomUUIDv7(), reportOf(item.report)), reading)
    if (entry !== undefined) {
      known.set(entryKey({ lock, entry }), leaf)
      added.push({ lock, entry, seq: leaf.seq })
    }
    if (leaf.reporterCounter !== undefined) attested.push(leaf)
    return { status: 'stored', leaf }
  },
  store: async (tx, { added, attested }) => {
    await reportEntries(tx).insert(added)
    await reportEntries(tx).numberAttested(attested)
    return true
  },
}

const decisionBy = (decision: DecisionKind): Kind<ItemOf<'decision'>, unknown> => ({
  load: (tx, items) =>
    decision.load(
      tx,
      items.map(({ attempt }) => attempt),
    ),
  plan: ({ attempt }, state, log, reading) => {
    const { answer, leaf } = decision.plan(attempt, state, log.size())
    return leaf
      ? { status: 'stored', leaf: log.addEvent(decisionEvent(leaf), reading), answer }
      : { status: 'answered', answer }
  },
  store: (tx, state) => decision.store(tx, state),
})

const undecided: DecisionKind = {
  load: () => Promise.reject(new Error('nobody decides')),
  plan: () => ({ answer: undefined }),
  store: async () => false,
}

export type Kinds = ReturnType<typeof kindsWith>

/** Returns how each kind of item is recorded. Attempts are rejected unless there is a decision kind. */
export const kindsWith = (decision: DecisionKind = undecided) => ({
  claim,
  new: withNewId,
  record,
  decision: decisionBy(decision),
  report,
})

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
