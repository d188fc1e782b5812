import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
import { wantsNews } from './rules.ts'

/** News that concern the whole home. */
export type News =
  | { readonly event: 'log.problem'; readonly says: string }
  | { readonly event: 'account.waiting' }

/** Writes news to the outbox, in the transaction of what happened. */
export type AnnounceIn = (tx: Pick<Queries, 'all' | 'get' | 'run'>, news: News) => Promise<void>

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly zone: () => string
}

/** Returns the function that announces news. The same problem of the log is told once a day. People who wait to be
 * let in are told of hourly at most, as a number that is counted when it is told. */
export const announcer =
  ({ clock, zone }: Dependencies): AnnounceIn =>
  async (tx, news) => {
    const { event } = news
    const nowMs = clock.wallMs()
    const outbox = enqueueIn(tx)
    const about = news.event === 'log.problem' ? news.says : null
    const rows: NewDelivery[] = []
    for (const listener of await outbox.listeners(nowMs, [])) {
      if (!wantsNews(listener, event, nowMs, zone)) continue
      const last = await outbox.newest(listener.id, event)
      const sinceMs = last ? nowMs - last.dueAtMs : undefined
      const isRecent = sinceMs !== undefined && Math.abs(sinceMs) < DAY_MS
      if (event === 'log.problem' && isRecent && last?.about === about) continue
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
