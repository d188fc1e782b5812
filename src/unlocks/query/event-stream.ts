import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import { eventJson } from '../log/event-json.ts'
import type { UnlockFilter, UnlockQueries } from './store.ts'
import type { UnlockLog } from '../log/service.ts'
import type { UnlockEvent } from '../log/event.ts'

type Dependencies = {
  readonly reads: Pick<UnlockQueries, 'page'>
  readonly unlockLog: Pick<UnlockLog, 'head' | 'onCommit'>
  /** A comment is sent after so long a silence, which also finds out who may no longer follow. */
  readonly heartbeatSeconds: number
}

type Follower = {
  readonly account: Account
  /** Whether the account may still see what it follows. */
  readonly isAllowed: () => Promise<boolean>
  readonly filter: UnlockFilter
  /** The last event that the follower has; without it, only new ones are sent. */
  readonly lastSeq: number | undefined
  /** Aborted when the follower goes away. */
  readonly signal: AbortSignal
}

export type EventStream = ReturnType<typeof eventStream>

const STREAMS_MAX = 100
export const STREAMS_PER_ACCOUNT_MAX = 5

/** Events that are in memory for one follower; the rest wait in the database. */
const BATCH_EVENTS = 100

export const HEARTBEAT_SECONDS = 15

/** A follower that takes nothing for so many heartbeats is cut off. */
const MISSED_HEARTBEATS_MAX = 3

/** Follows the log as server-sent events (WHATWG HTML). Each follower is sent events when it has
 * taken those before, read from the database: a slow one costs a batch of memory, misses nothing,
 * and is cut off by the connection's own timeout once it takes nothing at all. */
export const eventStream = ({ reads, unlockLog, heartbeatSeconds }: Dependencies) => {
  const streams = new Set<Stream>()
  let isClosed = false
  let size = 0
  unlockLog.onCommit((committed) => {
    size = committed
    for (const stream of streams) stream.wake()
  })

  const requirePlace = ({ publicId }: Account): void => {
    if (isClosed || streams.size >= STREAMS_MAX)
      throw new AppError('unavailable', 'Too many streams, try again')
    const own = [...streams].filter((stream) => stream.accountPublicId === publicId)
    if (own.length >= STREAMS_PER_ACCOUNT_MAX)
      throw new AppError('rate_limited', `More than ${STREAMS_PER_ACCOUNT_MAX} streams; end one`)
  }

  /** Gives the next events or a heartbeat; nothing once the stream is over. */
  const nextChunk = async (stream: Stream, { filter, isAllowed }: Follower) => {
    while (!stream.isOver) {
      const isCaughtUp = stream.lastSeq + 1 >= size
      if (isCaughtUp) await stream.wakeOrHeartbeat()
      if (stream.isHeartbeatDue())
        return (await isAllowed()) ? stream.sent(': here\n\n') : undefined
      if (stream.lastSeq + 1 >= size) continue
      const upTo = size
      const { unlocks, next } = await reads.page({
        // What another server recorded years ago is no news.
        filter: { ...filter, origin: 'own' },
        order: 'oldest',
        after: stream.lastSeq,
        size: upTo,
        limit: BATCH_EVENTS,
      })
      if (unlocks.length > 0 && !(await isAllowed())) return undefined
      stream.lastSeq = next ?? upTo - 1
      if (unlocks.length > 0) return stream.sent(unlocks.map(eventText).join(''))
    }
    return undefined
  }

  return {
    /** Gives the text of a stream. Throws `invalid` for an event that the log does not have,
     * `rate_limited` and `unavailable` beyond so many streams. */
    follow: async (follower: Follower): Promise<ReadableStream<Uint8Array>> => {
      const { account, lastSeq, signal } = follower
      const head = await unlockLog.head()
      size = Math.max(size, head.size)
      if (lastSeq !== undefined && lastSeq >= size)
        throw new AppError('invalid', 'Last-Event-ID is beyond the log; begin again without it')
      requirePlace(account)
      const stream = newStream({
        accountPublicId: account.publicId,
        lastSeq: lastSeq ?? size - 1,
        heartbeatMs: heartbeatSeconds * 1000,
      })
      streams.add(stream)
      const end = (): void => {
        streams.delete(stream)
        stream.end()
      }
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
      return new ReadableStream(
        {
          start: (controller) => controller.enqueue(UTF8.encode(': following\n\n')),
          pull: async (controller) => {
            try {
              const chunk = await nextChunk(stream, follower)
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

    /** Ends all streams, and begins no others. */
    close: (): void => {
      isClosed = true
      for (const stream of streams) stream.end()
    },

    count: (): number => streams.size,

    /** How long a connection may take nothing. */
    stalledSecondsMax: MISSED_HEARTBEATS_MAX * heartbeatSeconds,
  }
}

const UTF8 = new TextEncoder()

const eventText = (event: UnlockEvent): string =>
  `id: ${event.seq}\nevent: unlock\ndata: ${JSON.stringify(eventJson(event))}\n\n`

type Stream = ReturnType<typeof newStream>

type Follows = {
  readonly accountPublicId: string
  readonly lastSeq: number
  readonly heartbeatMs: number
}

/** How far one follower has come, and what it waits for. */
const newStream = ({ accountPublicId, lastSeq, heartbeatMs }: Follows) => {
  let sentAt = performance.now()
  let woken = Promise.withResolvers<void>()
  const dueInMs = () => sentAt + heartbeatMs - performance.now()
  const stream = {
    accountPublicId,
    lastSeq,
    isOver: false,
    wake: (): void => woken.resolve(),
    end: (): void => {
      stream.isOver = true
      woken.resolve()
    },
    isHeartbeatDue: (): boolean => dueInMs() <= 0,
    /** Resolves when the log grows, the stream ends or a heartbeat is due. */
    wakeOrHeartbeat: async (): Promise<void> => {
      if (stream.isOver) return
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
