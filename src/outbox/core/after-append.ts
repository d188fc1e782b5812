import { NO_ACCOUNT } from '../../domain/access.ts'
import type { AppendedEvent } from '../../domain/home-event.ts'
import type { AfterAppend } from '../../storage/writing/after-append.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
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
      return on && event.sameAs === undefined ? [{ ...event, on }] : []
    })
    const [first] = happened
    if (!first) return
    const outbox = enqueueIn(tx)
    const accounts = [...new Set(happened.map(({ accountPublicId }) => accountPublicId))]
    const listeners = await outbox.listeners(first.receivedAtMs, accounts)
    const wanted = happened.flatMap((event) => {
      const targets = listeners.filter((listener) => wantsEvent(listener, event, zone))
      return targets.length > 0 ? [{ event, targets }] : []
    })
    if (wanted.length === 0) return
    const known = await outbox.admitted([
      ...new Set(wanted.map(({ event }) => event.accountPublicId)),
    ])
    // A stranger who registers could otherwise ring every phone in the home.
    const familiar = wanted.filter(
      ({ event: { accountPublicId } }) =>
        accountPublicId === NO_ACCOUNT || known.has(accountPublicId),
    )
    await outbox.add(
      familiar.flatMap(({ event, targets }) => targets.map(({ id }) => deliveryOf(event, id))),
    )
  }

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
