import { signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { EventAnswer } from '../../../unlocks/log/schema.ts'
import type { ListAnswer } from '../../../unlocks/query/schema.ts'
import { api, reconnections } from './client.ts'
import { useLoad } from './load.ts'
import { followUnlocks } from './unlock-stream.ts'

export type RecentUnlocks = {
  /** Newest first; undefined until they are loaded. */
  readonly unlocks: readonly EventAnswer[] | undefined
  /** The numbers of those that arrived while this page was open. */
  readonly fresh: ReadonlySet<number>
  readonly isLive: boolean
  readonly error: unknown
  readonly reload: () => void
}

// A hidden page needs no stream.
const isVisible = signal(!document.hidden)
document.addEventListener('visibilitychange', () => {
  isVisible.value = !document.hidden
})

/** Loads the newest unlocks, without refused logins, and keeps them up to date through the stream. */
export const useRecentUnlocks = (limit: number): RecentUnlocks => {
  const list = useLoad('recent', (abort) =>
    api.get<Static<typeof ListAnswer>>('/v1/unlocks', {
      query: { limit, logins: '0', order: 'seq_desc' },
      signal: abort,
    }),
  )
  const [news, setNews] = useState<readonly EventAnswer[]>([])
  const [isLive, setLive] = useState(false)
  const known = list.data && newestOf([...news, ...list.data.unlocks], limit)
  const lastSeq = useRef<number | undefined>(undefined)
  lastSeq.current = known?.[0]?.seq
  const isLoaded = known !== undefined
  useEffect(() => {
    if (!isLoaded || !isVisible.value) return undefined
    const leaving = new AbortController()
    void followUnlocks({
      lastSeq: () => lastSeq.current,
      onUnlock: (unlock) => setNews((before) => newestOf([unlock, ...before], limit)),
      onLive: setLive,
      onGap: () => {
        lastSeq.current = undefined
        setNews([])
        list.reload()
      },
      signal: leaving.signal,
    })
    return () => {
      leaving.abort()
      setLive(false)
    }
  }, [isLoaded, isVisible.value, reconnections.value])
  return {
    unlocks: known,
    fresh: new Set(news.map(({ seq }) => seq)),
    isLive,
    error: known ? undefined : list.error,
    reload: list.reload,
  }
}

const newestOf = (unlocks: readonly EventAnswer[], limit: number): readonly EventAnswer[] =>
  [...new Map(unlocks.map((unlock) => [unlock.seq, unlock])).values()]
    .sort((a, b) => b.seq - a.seq)
    .slice(0, limit)
