import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import type { GuestProblem, HomeProblem } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import { type NewDelivery, enqueueIn } from './enqueue-store.ts'
import { guestProblemText } from './guest-problem.ts'
import { guestsIn } from './guest-store.ts'
import { wantsNews } from './rules.ts'

/** An event that concerns the whole home, or a guest and the host. */
export type News =
  | { readonly event: Exclude<HomeProblem, 'guest.problem'>; readonly says: string }
  | { readonly event: 'guest.problem'; readonly problem: GuestProblem; readonly passId: string }
  | { readonly event: 'account.waiting' }

/** Queues deliveries of such an event, in the transaction that causes it. */
export type AnnounceIn = (tx: Pick<Queries, 'all' | 'get' | 'run'>, news: News) => Promise<void>

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly zone: () => string
}

/** Returns a function that queues such events. The same problem is sent once a day at most, and what a person may
 * have to do something about at once, once an hour. Waiting accounts are sent once an hour, as a number that is
 * counted at the time of sending. */
export const announcer =
  ({ clock, zone }: Dependencies): AnnounceIn =>
  async (tx, news) => {
    const { event } = news
    const nowMs = clock.wallMs()
    const outbox = enqueueIn(tx)
    const about = aboutOf(news)
    const host = 'passId' in news ? await hostOf(tx, news.passId) : undefined
    const rows: NewDelivery[] = []
    for (const listener of await outbox.listeners(nowMs, host === undefined ? [] : [host])) {
      if (!wantsNews(listener, { on: event, host, atMs: nowMs }, zone)) continue
      const last = await outbox.newest(listener.id, event)
      const sinceMs = last ? nowMs - last.dueAtMs : undefined
      const isRecent = sinceMs !== undefined && Math.abs(sinceMs) < (REPEATS_MS[event] ?? DAY_MS)
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

/** How soon the same is sent again, if not once a day. */
const REPEATS_MS: Partial<Readonly<Record<News['event'], number>>> = {
  'guest.problem': HOUR_MS,
  'controller.alarm': HOUR_MS,
}

/** What is stored until it is sent. Of a guest that is no name, which an erasure would have to find. */
const aboutOf = (news: News): string | null => {
  if (news.event === 'account.waiting') return null
  return news.event === 'guest.problem' ? guestProblemText(news) : news.says
}

const hostOf = async (
  tx: Pick<Queries, 'all' | 'get'>,
  passId: string,
): Promise<string | undefined> => (await guestsIn(tx).hosts([passId])).get(passId)
