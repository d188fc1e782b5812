import { signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { EventAnswer } from '../../../../unlocks/log/schema.ts'
import type { ListAnswer } from '../../../../unlocks/query/schema.ts'
import { api, reconnections } from '../client.ts'
import { useLoad } from '../load.ts'
import { followUnlocks } from './unlock-stream.ts'

export type RecentUnlocks = {
  /** In the order of the log, the one that arrived last first; undefined until they are loaded. */
  readonly unlocks: readonly EventAnswer[] | undefined
  /** By when they happened, newest first. One that arrives late is among them only if it is that new. */
  readonly byTime: readonly EventAnswer[] | undefined
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
  const list = useLoad('recent', async (abort) => {
    const load = (order: 'seq_desc' | undefined) =>
      api.get<Static<typeof ListAnswer>>('/v1/unlocks', {
        query: { limit, logins: '0', order },
        signal: abort,
      })
    const [arrived, happened] = await Promise.all([load('seq_desc'), load(undefined)])
    return { arrived: arrived.unlocks, happened: happened.unlocks }
  })
  const [news, setNews] = useState<readonly EventAnswer[]>([])
  const [isLive, setLive] = useState(false)
  const known = list.data && newestOf([...news, ...list.data.arrived], limit)
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
    byTime: list.data && latestOf([...news, ...list.data.happened], limit),
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

const latestOf = (unlocks: readonly EventAnswer[], limit: number): readonly EventAnswer[] =>
  [...newestOf(unlocks, unlocks.length)]
    .sort((a, b) => Date.parse(b.happened_at) - Date.parse(a.happened_at))
    .slice(0, limit)
