import { yieldToEventLoop } from '../../domain/event-loop.ts'

/** Requests that are answered in one turn of the event loop: more than a busy door has connections, and some
 * milliseconds of work. */
const REQUESTS_PER_TURN_MAX = 128

type Answer = Response | Promise<Response>

/** Lets requests beyond those of a turn of the event loop wait for the next one. Bun accepts and answers new
 * connections for as long as there are more, before it does anything else: a dozen clients that connect anew
 * for each request, as soon as they have their answer, would keep everybody else's connections, timers and
 * threads waiting for seconds (not reported upstream as of 2026-11). */
export const inTurns = (answer: (request: Request) => Answer) => {
  let begun = 0
  let next: Promise<void> | undefined
  const begin = (): void => {
    begun = 0
    next = undefined
  }
  return (request: Request): Answer => {
    if (begun === 0) setImmediate(begin)
    begun += 1
    if (begun <= REQUESTS_PER_TURN_MAX) return answer(request)
    next ??= yieldToEventLoop()
    return next.then(() => answer(request))
  }
}
