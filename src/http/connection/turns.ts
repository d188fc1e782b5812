import { yieldToEventLoop } from '../../domain/event-loop.ts'

/** How long a turn of the event loop answers further requests. */
const TURN_MS = 8

type Answer = Response | Promise<Response>

/** Lets requests that come late in a turn of the event loop wait for the next one. Bun accepts and answers new
 * connections for as long as there are more, before it does anything else: a dozen clients that connect anew
 * for each request, as soon as they have their answer, would keep everybody else's connections, timers and
 * threads waiting for seconds (not reported upstream as of 2026-11). */
export const inTurns = (
  answer: (request: Request) => Answer,
  monotonicMs: () => number = () => performance.now(),
) => {
  let begunMs: number | undefined
  let next: Promise<void> | undefined
  const begin = (): void => {
    begunMs = undefined
    next = undefined
  }
  return (request: Request): Answer => {
    const nowMs = monotonicMs()
    if (begunMs === undefined) setImmediate(begin)
    begunMs ??= nowMs
    if (nowMs - begunMs < TURN_MS) return answer(request)
    next ??= yieldToEventLoop()
    return next.then(() => answer(request))
  }
}
