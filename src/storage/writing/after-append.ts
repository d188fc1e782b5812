import type { AppendedEvent } from '../../domain/home-event.ts'
import type { Queries } from '../queries.ts'

/** Called with the events that a group added to the unlock log, in the transaction that stores them. If it fails,
 * nothing is stored. */
export type AfterAppend = (tx: Queries, events: readonly AppendedEvent[]) => Promise<void>
