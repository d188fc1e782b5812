import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { HomeProblem } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
import { wantsNews } from './rules.ts'

/** An event that concerns the whole home. */
export type News =
  | { readonly event: HomeProblem; readonly says: string }
  | { readonly event: 'account.waiting' }

/** Queues deliveries of such an event, in the transaction that causes it. */
export type AnnounceIn = (tx: Pick<Queries, 'all' | 'get' | 'run'>, news: News) => Promise<void>

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly zone: () => string
}

/** Returns a function that queues such events. The same problem is sent once a day at most, and waiting
 * accounts once an hour, as a number that is counted at the time of sending. */
export const announcer =
  ({ clock, zone }: Dependencies): AnnounceIn =>
  async (tx, news) => {
    const { event } = news
    const nowMs = clock.wallMs()
    const outbox = enqueueIn(tx)
    const about = news.event === 'account.waiting' ? null : news.says
    const rows: NewDelivery[] = []
    for (const listener of await outbox.listeners(nowMs, [])) {
      if (!wantsNews(listener, event, nowMs, zone)) continue
      const last = await outbox.newest(listener.id, event)
      const sinceMs = last ? nowMs - last.dueAtMs : undefined
      const isRecent = sinceMs !== undefined && Math.abs(sinceMs) < DAY_MS
      if (event !== 'account.waiting' && isRecent && last?.about === about) continue
      if (event === 'account.waiting' && last?.isWaiting === 1) continue
      const isWithinHour = sinceMs !== undefined && sinceMs >= 0 && sinceMs < HOUR_MS
      rows.push({
        targetId: listener.id,
        event,
        seq: null,
        about,
        createdAtMs: nowMs,
        dueAtMs:
          event === 'account.waiting' && last && isWithinHour ? last.dueAtMs + HOUR_MS : nowMs,
      })
    }
    await outbox.add(rows)
  }
