import { AppError } from '../../errors.ts'

/** How long a request may wait for a database on a server, from its arrival: a proxy in front of this service gives up
 * later. */
export const REQUEST_MS_MAX = 2900

/** How often a request that takes longer is checked again. */
export const LOOK_MS = 100

type Options = {
  readonly waitMsMax?: number
  /** Returns true while the database does not answer, or if it has failed since a time of `performance.now()`. */
  readonly isLate: (sinceMs: number) => boolean
}

export type InTime = ReturnType<typeof answersInTime>

/** Bounds how long requests wait for a database that does not answer, whatever each of them waits for: one statement,
 * several in a row, or the turns of other requests. */
export const answersInTime = ({ isLate, waitMsMax = REQUEST_MS_MAX }: Options) => {
  const arrivals = new WeakMap<Request, number>()
  return {
    /** Called as soon as a request arrives. */
    arrive: (request: Request): void => {
      if (!arrivals.has(request)) arrivals.set(request, performance.now())
    },

    /** Returns the result of `work`, or throws `unavailable` once the request has waited too long because the database
     * is late. The work continues: it may wait for a COMMIT. */
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

/** Cancels an answer that nobody will read. */
const discardIf = async (isRefused: () => boolean, working: Promise<unknown>): Promise<void> => {
  const answer = await working.catch(() => {})
  if (isRefused() && answer instanceof Response) await answer.body?.cancel().catch(() => {})
}

const tooLate = ({ method }: Request): AppError =>
  new AppError(
    'unavailable',
    method === 'GET' || method === 'HEAD'
      ? 'The database takes too long to answer'
      : 'The database takes too long to answer; this may or may not have been recorded, try again',
  )
