import { NO_ACCOUNT } from '../../domain/access.ts'
import type { AppendedEvent } from '../../domain/home-event.ts'
import type { AfterAppend } from '../../storage/writing/after-append.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
import { guestsIn } from './guest-store.ts'
import { homeEventOf, wantsEvent } from './rules.ts'

type Options = {
  /** The time zone of the home. */
  readonly zone: () => string
}

/** Returns a function that queues a delivery for each target whose rules match an event. Without targets it reads one
 * empty table and writes nothing. */
export const enqueueAppended =
  ({ zone }: Options): AfterAppend =>
  async (tx, events) => {
    const happened = events.flatMap((event) => {
      const on = homeEventOf(event)
      return on && (event.sameAs === undefined || isByLock(event)) ? [{ ...event, on }] : []
    })
    const [first] = happened
    if (!first) return
    const outbox = enqueueIn(tx)
    const passes = happened.flatMap(({ on, passId = '' }) => (on === 'guest.opened' ? passId : []))
    const hosts = passes.length > 0 ? await guestsIn(tx).hosts(passes) : NO_HOSTS
    const accounts = [...happened.map(({ accountPublicId }) => accountPublicId), ...hosts.values()]
    const listeners = await outbox.listeners(first.receivedAtMs, [...new Set(accounts)])
    const wanted = happened.flatMap((event) => {
      const host = hosts.get(event.passId ?? '')
      const targets = listeners.filter((listener) => wantsEvent(listener, { ...event, host }, zone))
      return targets.length > 0 ? [{ event, targets }] : []
    })
    if (wanted.length === 0) return
    const known = await outbox.admitted([
      ...new Set(wanted.map(({ event }) => event.accountPublicId)),
    ])
    // A stranger who registers could otherwise ring every phone in the home. The lock itself is believed, even if
    // the code is that of somebody who waits to be let in: no claim of theirs was told before.
    const told = wanted.filter(({ event }) =>
      event.accountPublicId === NO_ACCOUNT || known.has(event.accountPublicId)
        ? event.sameAs === undefined
        : isByLock(event),
    )
    await outbox.add(
      told.flatMap(({ event, targets }) => targets.map(({ id }) => deliveryOf(event, id))),
    )
  }

const NO_HOSTS: ReadonlyMap<string, string> = new Map()

const isByLock = ({ source }: AppendedEvent): boolean =>
  source === 'reported' || source === 'attested'

const deliveryOf = (
  { on, seq, receivedAtMs }: AppendedEvent & { readonly on: NewDelivery['event'] },
  targetId: string,
): NewDelivery => ({
  targetId,
  event: on,
  seq,
  about: null,
  createdAtMs: receivedAtMs,
  dueAtMs: receivedAtMs,
})
