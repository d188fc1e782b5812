import { createParser } from 'eventsource-parser'
import type { EventAnswer } from '../../../../unlocks/log/schema.ts'
import { backOff } from '../back-off.ts'
import { ApiError, ConnectionLost, api } from '../client.ts'

type Options = {
  /** The number of the newest unlock that is known; undefined if the log is empty. */
  readonly lastSeq: () => number | undefined
  readonly onUnlock: (unlock: EventAnswer) => void
  /** Called with true once the stream is open, and with false when it breaks. */
  readonly onLive: (isLive: boolean) => void
  /** Called when the list must be loaded again: it is another log, or it was empty until now. */
  readonly onGap: () => void
  readonly signal: AbortSignal
}

/** The gateway sends something every 15 s; a connection that is silent for longer is dead. */
const SILENCE_MS_MAX = 40_000

/** Follows the log until `signal` aborts, the session ends, or the gateway is gone. A stream ends
 * with each access token; it is then opened again where it stopped. */
export const followUnlocks = async (options: Options): Promise<void> => {
  const { signal, onLive } = options
  const next = backOff()
  while (!signal.aborted) {
    try {
      await readStream(options)
    } catch (error) {
      if (error instanceof ConnectionLost) return
      if (error instanceof ApiError) {
        if (error.status === 401 || error.status === 403) return
        if (error.status === 400) options.onGap()
      }
    } finally {
      if (!signal.aborted) onLive(false)
    }
    await next.wait(signal)
  }
}

const readStream = async ({ lastSeq, onUnlock, onLive, onGap, signal }: Options): Promise<void> => {
  const request = new AbortController()
  const abort = (): void => request.abort()
  signal.addEventListener('abort', abort)
  let timer: ReturnType<typeof setTimeout> | undefined
  const restartTimer = (): void => {
    clearTimeout(timer)
    timer = setTimeout(abort, SILENCE_MS_MAX)
  }
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'unlock') onUnlock(JSON.parse(data) as EventAnswer)
    },
  })
  restartTimer()
  try {
    const from = lastSeq()
    const answer = await api.fetch('/v1/unlocks/stream?logins=0', {
      headers: from === undefined ? {} : { 'last-event-id': String(from) },
      signal: request.signal,
    })
    onLive(true)
    if (from === undefined) onGap()
    const reader = answer.body?.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const chunk = await reader?.read()
      if (!chunk || chunk.done) return
      restartTimer()
      parser.feed(decoder.decode(chunk.value, { stream: true }))
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
