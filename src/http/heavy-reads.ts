import { type NoPlace, type Place, places, rankOf } from '../domain/places.ts'
import { AppError } from '../errors.ts'
import { READ_RUNNING } from './answers.ts'
import type { Caller, StillHolds } from './authorization.ts'
import { tokenError } from './errors.ts'
import { clientKey } from './request/client-address.ts'

/** How many heavy reads run at a time: enough for a home, and few enough for its memory. */
const READS_MAX = 6
const RESERVED = 2

/** How long a read waits for a place, and how many of one account may wait: a page of the console
 * asks for several things at once. */
const WAIT_MS_MAX = 2000
const WAITING_PER_ACCOUNT_MAX = 4

/** A download that takes nothing for this long makes room if others wait. */
const IDLE_MS_MAX = 10_000

/** How often a read asks whether its caller may still read: someone who was disabled, demoted or erased
 * must not finish what they began. */
const CHECK_MS = 1000

/** What a heavy read does; it ends once `signal` is aborted. */
type Work = (signal: AbortSignal) => unknown

type Reader = { readonly request: Request; readonly caller: Caller }

type Dependencies = { readonly stillHolds: StillHolds }

export type HeavyReads = ReturnType<typeof heavyReads>

/** Bounds the reads that look at much of the database: one at a time per account, a few in all, and
 * some that only admins and owners get. A read ends with the rights of its caller. */
export const heavyReads = ({ stillHolds }: Dependencies) => {
  const reads = places({
    max: READS_MAX,
    reserved: RESERVED,
    perAccountMax: 1,
    perClientMax: READS_MAX,
    idleMsMax: IDLE_MS_MAX,
  })
  /** The account of each read that waits. */
  const waiting: string[] = []
  let freed = Promise.withResolvers<void>()

  const release = (place: Place) => (): void => {
    place.release()
    freed.resolve()
    freed = Promise.withResolvers()
  }

  /** Keeps asking whether a caller may still read, and calls `end` once they may not. */
  const watch = (caller: Caller, end: () => void): NodeJS.Timeout =>
    setInterval(() => {
      const check = async (): Promise<void> => {
        if (!(await stillHolds(caller))) end()
      }
      // A database that cannot be read now has nothing to answer either.
      check().catch(end)
    }, CHECK_MS).unref()

  /** Resolves to a function that frees the place. Throws `rate_limited` if none is free in time. */
  const enter = async ({ caller }: Reader, signal: AbortSignal, giveWay: () => void) => {
    const client = clientKey(caller.address)
    const account = caller.account?.publicId ?? client
    const rank = rankOf(caller.account)
    let timeout: AbortSignal | undefined
    for (;;) {
      const place = reads.take({ rank, account, client }, giveWay)
      if (typeof place === 'object') return { ...place, release: release(place) }
      const own = waiting.filter((one) => one === account).length
      if (timeout?.aborted || own >= WAITING_PER_ACCOUNT_MAX)
        throw new AppError('rate_limited', WORDS[place])
      timeout ??= AbortSignal.timeout(WAIT_MS_MAX)
      waiting.push(account)
      await Promise.race([freed.promise, aborted(AbortSignal.any([timeout, signal]))])
      waiting.splice(waiting.indexOf(account), 1)
      signal.throwIfAborted()
    }
  }

  return {
    /** Does `work` once there is a place for it, which it keeps until its answer has been sent or its
     * client is gone. */
    run: async (reader: Reader, work: Work): Promise<unknown> => {
      const { request, caller } = reader
      const ending = new AbortController()
      const signal = AbortSignal.any([request.signal, ending.signal])
      try {
        const entered = await enter(reader, signal, () => ending.abort(gaveWay()))
        const watching = watch(caller, () => ending.abort(tokenError()))
        const leave = (): void => {
          clearInterval(watching)
          entered.release()
        }
        const place = { ...entered, release: leave }
        try {
          const answer = await work(signal)
          if (answer instanceof Response && answer.body) return keeping(place, answer, signal)
          place.release()
          return answer
        } catch (error) {
          place.release()
          throw error
        }
      } catch (error) {
        // Nobody receives this answer.
        if (request.signal.aborted) return new Response(null, { status: CLIENT_CLOSED_REQUEST })
        throw error
      }
    },
  }
}

/** As nginx logs a client that went away. */
const CLIENT_CLOSED_REQUEST = 499

const WORDS: Readonly<Record<NoPlace, string>> = {
  account: READ_RUNNING,
  client: 'Too many long reads are running; try again in a few seconds',
  full: 'Too many long reads are running; try again in a few seconds',
}

const gaveWay = () => new AppError('unavailable', 'This read made room for others; try again')

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Returns the answer with its body, which keeps the place until it ends. Once `signal` is aborted, the
 * connection is cut, so that no one takes the part that was sent for the whole. */
const keeping = (place: Place, answer: Response, signal: AbortSignal): Response => {
  const reader = answer.body?.getReader()
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const cut = (): void => {
          place.release()
          // Without a reason, which Bun would print.
          controller.error()
          void reader?.cancel().catch(() => {})
        }
        signal.addEventListener('abort', cut, { once: true })
      },
      pull: async (controller) => {
        place.busy()
        try {
          const part = await reader?.read()
          place.idle()
          if (signal.aborted) return
          if (part && !part.done) return controller.enqueue(part.value as Uint8Array)
        } catch (error) {
          place.release()
          if (signal.aborted) return
          throw error
        }
        place.release()
        controller.close()
      },
      cancel: async (reason) => {
        place.release()
        await reader?.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, answer)
}
