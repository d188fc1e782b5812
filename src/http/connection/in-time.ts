import { AppError } from '../../errors.ts'

/** How long a request may wait for a database on a server, from its arrival: what stands in front of this service gives
 * up later. */
const REQUEST_MS_MAX = 2900

/** How often a request that takes longer is looked at again. */
const LOOK_MS = 100

type Options = {
  readonly waitMsMax?: number
  /** Returns true while the database answers nothing, or has failed since a time of `performance.now()`. */
  readonly isLate: (sinceMs: number) => boolean
}

export type InTime = ReturnType<typeof answersInTime>

/** Bounds how long requests wait for a database that does not answer, whatever keeps each of them waiting: a statement,
 * one statement after another, or the turns of others that wait themselves. */
export const answersInTime = ({ isLate, waitMsMax = REQUEST_MS_MAX }: Options) => {
  const arrivals = new WeakMap<Request, number>()
  return {
    /** Called as soon as a request is there. */
    arrive: (request: Request): void => {
      if (!arrivals.has(request)) arrivals.set(request, performance.now())
    },

    /** Returns what `work` does, or throws `unavailable` once the request has waited for too long because the database is
     * late. The work goes on: it may wait for a COMMIT. */
    answer: async (request: Request, work: () => unknown): Promise<unknown> => {
      const arrivedMs = arrivals.get(request) ?? performance.now()
      const { promise: late, reject } = Promise.withResolvers<never>()
      let isRefused = false
      const look = (): void => {
        isRefused = isLate(arrivedMs)
        if (isRefused) reject(tooLate(request))
        else timer = setTimeout(look, LOOK_MS)
      }
      let timer = setTimeout(look, arrivedMs + waitMsMax - performance.now())
      const working = (async () => work())()
      void discardIf(() => isRefused, working)
      try {
        return await Promise.race([working, late])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Ends an answer that nobody reads any more. */
const discardIf = async (isRefused: () => boolean, working: Promise<unknown>): Promise<void> => {
  const answer = await working.catch(() => {})
  if (isRefused() && answer instanceof Response) await answer.body?.cancel().catch(() => {})
}

const tooLate = ({ method }: Request): AppError =>
  new AppError(
    'unavailable',
    method === 'GET' || method === 'HEAD'
      ? 'The database takes too long to answer'
      : 'The database takes too long to answer; whether this is recorded is not known, try again',
  )
