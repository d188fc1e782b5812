import { createParser } from 'eventsource-parser'
import type { EventAnswer } from '../../../unlocks/log/schema.ts'
import { ApiError, ConnectionLost, api } from './client.ts'

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

const RETRY_MS = 1000
const RETRY_AFTER_ERROR_MS = 15_000

/** Follows the log until `signal` aborts, the session ends, or the gateway is gone. A stream ends
 * with each access token; it is then opened again where it stopped. */
export const followUnlocks = async (options: Options): Promise<void> => {
  const { signal, onLive } = options
  while (!signal.aborted) {
    let retryMs = RETRY_MS
    try {
      await readStream(options)
    } catch (error) {
      if (error instanceof ConnectionLost) return
      if (error instanceof ApiError) {
        if (error.status === 401 || error.status === 403) return
        if (error.status === 400) options.onGap()
        retryMs = RETRY_AFTER_ERROR_MS
      }
    } finally {
      if (!signal.aborted) onLive(false)
    }
    await pause(retryMs, signal)
  }
}

const readStream = async ({ lastSeq, onUnlock, onLive, onGap, signal }: Options): Promise<void> => {
  const silence = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const restartTimer = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  }
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'unlock') onUnlock(JSON.parse(data) as EventAnswer)
    },
  })
  restartTimer()
  try {
    const from = lastSeq()
    const answer = await api.fetch('/v1/unlocks/stream', {
      headers: from === undefined ? {} : { 'last-event-id': String(from) },
      signal: AbortSignal.any([signal, silence.signal]),
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
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
