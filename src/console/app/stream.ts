import { createParser } from 'eventsource-parser'
import { ApiError, ConnectionLost, api } from './api.ts'
import type { Opening } from './opening.ts'

type Following = {
  /** The newest that is known; nothing in an empty log. */
  readonly lastSeq: () => number | undefined
  readonly onOpening: (opening: Opening) => void
  /** Whether whatever happens now will be told. */
  readonly onFollowing: (isFollowing: boolean) => void
  /** What is known must be read again: the log is another one, or was empty until now. */
  readonly onGap: () => void
  readonly signal: AbortSignal
}

/** The gateway says something every 15 s; a connection that is silent for longer is dead. */
const SILENCE_MS_MAX = 40_000

const PAUSE_MS = 1000
const BUSY_PAUSE_MS = 15_000

/** Follows the log until `signal` says so, the session is over, or the gateway is away: a stream
 * that ends, as it does with each access token, is opened again where it broke. */
export const followLog = async (following: Following): Promise<void> => {
  const { signal, onFollowing } = following
  while (!signal.aborted) {
    let pauseMs = PAUSE_MS
    try {
      await readStream(following)
    } catch (error) {
      if (error instanceof ConnectionLost) return
      if (error instanceof ApiError) {
        if (error.status === 401 || error.status === 403) return
        if (error.status === 400) following.onGap()
        pauseMs = BUSY_PAUSE_MS
      }
    } finally {
      if (!signal.aborted) onFollowing(false)
    }
    await pause(pauseMs, signal)
  }
}

const readStream = async ({ lastSeq, onOpening, onFollowing, onGap, signal }: Following) => {
  const silence = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  }
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === 'unlock') onOpening(JSON.parse(data) as Opening)
    },
  })
  heard()
  try {
    const from = lastSeq()
    const answer = await api.fetch('/v1/unlocks/stream', {
      headers: from === undefined ? {} : { 'last-event-id': String(from) },
      signal: AbortSignal.any([signal, silence.signal]),
    })
    onFollowing(true)
    if (from === undefined) onGap()
    const reader = answer.body?.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const part = await reader?.read()
      if (!part || part.done) return
      heard()
      parser.feed(decoder.decode(part.value, { stream: true }))
    }
  } finally {
    clearTimeout(timer)
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((go) => {
    const timer = setTimeout(go, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      go()
    })
  })
