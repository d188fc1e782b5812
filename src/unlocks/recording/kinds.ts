import type { Queries } from '../../storage/database.ts'
import type { ClockReading } from '../log/clock.ts'
import type { NewUnlockEvent, UnerasedEvent, UnlockEvent } from '../log/event.ts'
import type { Growth } from './growth.ts'
import { logReads } from '../log/store.ts'

/** Something to record: plain data, because it passes between threads. */
export type Item =
  /** An unlock that an app reports or that is imported, or the event that stands for lost ones. It may have
   * been recorded before. */
  | { readonly kind: 'claim'; readonly event: NewUnlockEvent }
  /** A refusal by this server itself. */
  | { readonly kind: 'denial'; readonly event: NewUnlockEvent }

/** What became of an item, and the event that now has its id. A `duplicate` was recorded before with the
 * same content; a `conflict` has the id of an event with other content. */
export type Planned =
  | { readonly status: 'stored'; readonly event: UnerasedEvent }
  | { readonly status: 'duplicate' | 'conflict'; readonly event: UnlockEvent }

/** How items of one kind are recorded: in three steps for a whole group, inside its transaction. */
export type Kind<State> = {
  /** Reads what the plans need for all items of the group, in few statements. */
  load(tx: Queries, events: readonly NewUnlockEvent[]): Promise<State>
  /** Decides what becomes of an item. It touches only `state`, which it updates for the items after it, and
   * `log`, to which it adds a leaf once nothing can refuse the item any more. */
  plan(event: NewUnlockEvent, state: State, log: Growth, reading: ClockReading): Planned
  /** Writes what belongs to the items besides their leaves. Returns false if a condition of the plans no
   * longer holds: then the group is planned again. */
  store?(tx: Queries, state: State): Promise<boolean>
}

/** Events by id: those in the log that a group refers to, and those that it has added. */
type Known = Map<string, UnlockEvent>

const claim: Kind<Known> = {
  load: async (tx, events) => {
    const ids = events.flatMap(({ id, formerId }) => (formerId === undefined ? id : [id, formerId]))
    return new Map((await logReads(tx).findAll(ids)).map((event) => [event.id, event]))
  },
  plan: (event, known, log, reading) => {
    const former = event.formerId === undefined ? undefined : known.get(event.formerId)
    const earlier = former && isFormer(former, event) ? former : known.get(event.id)
    if (earlier)
      return { status: isIdentical(earlier, event) ? 'duplicate' : 'conflict', event: earlier }
    const added = log.add(event, reading)
    known.set(added.id, added)
    return { status: 'stored', event: added }
  },
}

const denial: Kind<undefined> = {
  load: async () => undefined,
  plan: (event, _, log, reading) => ({ status: 'stored', event: log.add(event, reading) }),
}

/** The kinds of items that the log records. */
export const KINDS = { claim, denial }

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
