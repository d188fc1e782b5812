import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { type NoPlace, type Place, places, rankOf } from '../../domain/places.ts'
import { listedJson } from '../log/event-json.ts'
import type { ListedUnlock } from './repeats-store.ts'
import type { UnlockFilter } from '../search/filter-store.ts'
import type { UnlockQueries } from './store.ts'
import type { VisibleSize } from './visible-size.ts'
import type { UnlockLog } from '../recording/service.ts'

type Dependencies = {
  readonly queries: Pick<UnlockQueries, 'page'>
  readonly unlockLog: Pick<UnlockLog, 'head' | 'onCommit'>
  readonly visibleSize: VisibleSize
  /** A comment is sent after this much silence. Before each, access is checked again. */
  readonly heartbeatSeconds: number
}

type Subscriber = {
  readonly account: Account
  /** The client's address, or its network. */
  readonly client: string
  /** Returns false once the account may no longer see the events. */
  readonly isAllowed: () => Promise<boolean>
  readonly filter: UnlockFilter
  /** The last event that the subscriber has; without it, only new events are sent. */
  readonly lastSeq: number | undefined
  /** Aborted when the subscriber disconnects. */
  readonly signal: AbortSignal
}

export type EventStream = ReturnType<typeof eventStream>

const STREAMS_MAX = 100
const RESERVED = 10
export const STREAMS_PER_ACCOUNT_MAX = 5

/** A household behind one address has fewer. */
const STREAMS_PER_CLIENT_MAX = 20

/** Events in memory for one subscriber; the rest wait in the database. */
const BATCH_EVENTS = 100

export const HEARTBEAT_SECONDS = 15

/** A subscriber that takes nothing for this many heartbeats is disconnected. */
const MISSED_HEARTBEATS_MAX = 3

/** Streams the log as server-sent events (WHATWG HTML). Each subscriber gets the next events, read
 * from the database, once it has taken those before. A slow one costs one batch of memory, misses
 * nothing, and is disconnected by the connection's timeout once it takes nothing at all. */
export const eventStream = ({ queries, unlockLog, visibleSize, ...deps }: Dependencies) => {
  const { heartbeatSeconds } = deps
  const streams = new Set<Stream>()
  const taken = places({
    max: STREAMS_MAX,
    reserved: RESERVED,
    perAccountMax: STREAMS_PER_ACCOUNT_MAX,
    perClientMax: STREAMS_PER_CLIENT_MAX,
    // Silence is normal for a stream.
    idleMsMax: Infinity,
  })
  let isClosed = false
  let size = 0
  unlockLog.onCommit((committed) => {
    // A size that was read may be older than one that was committed meanwhile.
    size = Math.max(size, committed)
    for (const stream of streams) stream.wake()
  })

  /** Throws `rate_limited` or `unavailable` if there is no place. */
  const takePlace = ({ account, client }: Subscriber, giveWay: () => void) => {
    if (isClosed) throw new AppError('unavailable', 'The server is stopping')
    const holder = { rank: rankOf(account), account: account.publicId, client }
    const place = taken.take(holder, giveWay)
    if (typeof place === 'object') return place
    const { code, says } = NO_PLACE[place]
    throw new AppError(code, says)
  }

  /** Returns the next events or a heartbeat, or undefined once the stream has ended. */
  const nextChunk = async (stream: Stream, { filter, isAllowed, signal }: Subscriber) => {
    while (!stream.isEnded) {
      const isCaughtUp = stream.lastSeq + 1 >= size
      if (isCaughtUp) await stream.wakeOrHeartbeat()
      if (stream.isHeartbeatDue())
        return (await isAllowed()) ? stream.sent(': here\n\n') : undefined
      if (stream.lastSeq + 1 >= size) continue
      await takeTurn(signal)
      const upTo = size
      const { unlocks, next } = await queries.page({
        // Imported events happened long ago.
        filter: { ...filter, origin: 'own' },
        order: 'seq',
        after: [stream.lastSeq],
        size: upTo,
        limit: BATCH_EVENTS,
        signal,
      })
      if (unlocks.length > 0 && !(await isAllowed())) return undefined
      stream.lastSeq = next?.[0] ?? upTo - 1
      if (unlocks.length === 0) continue
      stream.place.idle()
      return stream.sent(unlocks.map(eventText).join(''))
    }
    return undefined
  }

  return {
    /** Returns the text of a new stream. Throws `invalid` for an event that the log does not have,
     * and `rate_limited` or `unavailable` if there are too many streams. */
    subscribe: async (subscriber: Subscriber): Promise<ReadableStream<Uint8Array>> => {
      const { account, lastSeq, signal } = subscriber
      const head = await unlockLog.head()
      size = Math.max(size, head.size)
      if (lastSeq !== undefined && lastSeq >= (await visibleSize(account)))
        throw new AppError('invalid', 'Last-Event-ID is beyond the log; begin again without it')
      const place = takePlace(subscriber, () => end())
      place.idle()
      const stream = newStream({
        place,
        lastSeq: lastSeq ?? size - 1,
        heartbeatMs: heartbeatSeconds * 1000,
      })
      streams.add(stream)
      const end = (): void => {
        streams.delete(stream)
        place.release()
        stream.end()
      }
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
      return new ReadableStream(
        {
          start: (controller) => controller.enqueue(UTF8.encode(': following\n\n')),
          pull: async (controller) => {
            try {
              const chunk = await nextChunk(stream, subscriber)
              if (chunk !== undefined) return controller.enqueue(UTF8.encode(chunk))
            } catch (error) {
              end()
              throw error
            }
            end()
            if (!signal.aborted) controller.close()
          },
          cancel: end,
        },
        { highWaterMark: 0 },
      )
    },

    /** Ends all streams and accepts no new ones. */
    close: (): void => {
      isClosed = true
      for (const stream of streams) stream.end()
    },

    count: taken.count,

    /** Seconds for which a connection may take nothing. */
    stalledSecondsMax: MISSED_HEARTBEATS_MAX * heartbeatSeconds,
  }
}

const UTF8 = new TextEncoder()

const NO_PLACE = {
  account: { code: 'rate_limited', says: `More than ${STREAMS_PER_ACCOUNT_MAX} streams; end one` },
  client: {
    code: 'rate_limited',
    says: `More than ${STREAMS_PER_CLIENT_MAX} streams from one address; end one`,
  },
  full: { code: 'unavailable', says: 'Too many streams, try again' },
} as const satisfies Record<NoPlace, object>

const eventText = (event: ListedUnlock): string =>
  `id: ${event.seq}\nevent: unlock\ndata: ${JSON.stringify(listedJson(event))}\n\n`

type Stream = ReturnType<typeof newStream>

type Start = {
  readonly place: Place
  readonly lastSeq: number
  readonly heartbeatMs: number
}

/** How far one subscriber has come, and what it waits for. */
const newStream = ({ place, lastSeq, heartbeatMs }: Start) => {
  let sentAt = performance.now()
  let woken = Promise.withResolvers<void>()
  const dueInMs = () => sentAt + heartbeatMs - performance.now()
  const stream = {
    place,
    lastSeq,
    isEnded: false,
    wake: (): void => woken.resolve(),
    end: (): void => {
      stream.isEnded = true
      woken.resolve()
    },
    isHeartbeatDue: (): boolean => dueInMs() <= 0,
    /** Resolves when the log grows, the stream ends or a heartbeat is due. */
    wakeOrHeartbeat: async (): Promise<void> => {
      if (stream.isEnded) return
      woken = Promise.withResolvers()
      const timer = setTimeout(woken.resolve, Math.max(dueInMs(), 0))
      await woken.promise
      clearTimeout(timer)
    },
    sent: (chunk: string): string => {
      sentAt = performance.now()
      return chunk
    },
  }
  return stream
}
