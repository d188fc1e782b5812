import { type AppendedEvent, SAME_OPENING_MS } from '../../domain/home-event.ts'
import type { AfterAppend } from '../../storage/writing/after-append.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
import { SIGHTED, secondSightings } from './openings.ts'
import { homeEventOf, wantsEvent } from './rules.ts'

type Options = {
  /** The time zone of the home. */
  readonly zone: () => string
}

/** Returns the function that writes a row for each event and each target that wants to hear of it. Without a
 * target it reads one empty table and writes nothing. */
export const enqueueAppended =
  ({ zone }: Options): AfterAppend =>
  async (tx, events) => {
    const told = events.flatMap((event) => {
      const on = homeEventOf(event)
      return on ? [{ ...event, on }] : []
    })
    const [first] = told
    if (!first) return
    const outbox = enqueueIn(tx)
    const listeners = await outbox.listeners(first.receivedAtMs)
    const wanted = told.flatMap((event) => {
      const targets = listeners.filter((listener) => wantsEvent(listener, event, zone))
      return targets.length > 0 ? [{ event, targets }] : []
    })
    if (wanted.length === 0) return
    const known = await outbox.admitted([
      ...new Set(wanted.map(({ event }) => event.accountPublicId)),
    ])
    // A stranger who registers could otherwise ring every phone in the home.
    const familiar = wanted.filter(
      ({ event: { accountPublicId } }) => accountPublicId === '' || known.has(accountPublicId),
    )
    const seconds = await secondsAmong(
      outbox,
      familiar.map(({ event }) => event),
    )
    await outbox.add(
      familiar
        .filter(({ event }) => !seconds.has(event.seq))
        .flatMap(({ event, targets }) => targets.map(({ id }) => deliveryOf(event, id))),
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

/** Sightings that chains of openings may depend on are looked for this far around an unlock. */
const AROUND_MS = 5 * SAME_OPENING_MS

/** Returns the numbers of those unlocks whose opening another one has told of already. */
const secondsAmong = async (
  outbox: Pick<ReturnType<typeof enqueueIn>, 'sightings'>,
  events: readonly AppendedEvent[],
): Promise<ReadonlySet<number>> => {
  const sighted = events.filter(
    ({ result, source, accountPublicId }) =>
      result === 'unlocked' && SIGHTED.has(source) && accountPublicId !== '',
  )
  const seconds = new Set<number>()
  const openings = Map.groupBy(sighted, ({ accountPublicId, lock }) => `${accountPublicId} ${lock}`)
  for (const group of openings.values()) {
    const [first] = group
    if (!first) continue
    const times = group.map(({ happenedAtMs }) => happenedAtMs)
    const found = await outbox.sightings(first.accountPublicId, first.lock, {
      fromMs: Math.min(...times) - AROUND_MS,
      toMs: Math.max(...times) + AROUND_MS,
    })
    for (const seq of secondSightings(found)) seconds.add(seq)
  }
  return seconds
}
