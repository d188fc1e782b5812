import type { Queries } from '../../storage/database.ts'
import { deliveriesIn } from '../core/delivery-store.ts'

type Outcome = 'delivered' | 'failed'

/** A value by its labels. */
type Sample = readonly [Readonly<Record<string, string>>, number]

export type AttemptCounts = ReturnType<typeof attemptCounts>

/** Counts delivery attempts since the start, by kind of target and outcome. */
export const attemptCounts = () => {
  const counts = new Map<string, Record<Outcome, number>>()
  return {
    add: (kind: string, outcome: Outcome): void => {
      const known = counts.get(kind) ?? { delivered: 0, failed: 0 }
      counts.set(kind, { ...known, [outcome]: known[outcome] + 1 })
    },
    samples: (): readonly Sample[] =>
      [...counts].flatMap(([kind, { delivered, failed }]) => [
        [{ kind, outcome: 'delivered' }, delivered] as const,
        [{ kind, outcome: 'failed' }, failed] as const,
      ]),
  }
}

/** The metrics of the outbox, read at each scrape. */
export const deliveryMetrics = (
  db: Pick<Queries, 'all' | 'get' | 'run'>,
  { samples }: Pick<AttemptCounts, 'samples'>,
) => [
  {
    name: 'secure_lock_outbox_waiting',
    help: 'Deliveries that are waiting, by kind of target',
    labels: ['kind'],
    read: async (): Promise<readonly Sample[]> =>
      [...(await deliveriesIn(db).waitingByKind())].map(([kind, count]) => [{ kind }, count]),
  },
  {
    name: 'secure_lock_outbox_attempts_total',
    help: 'Delivery attempts, by kind of target and outcome: `delivered` or `failed`',
    labels: ['kind', 'outcome'],
    read: samples,
  },
]
