import { signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ListAnswer } from '../../unlocks/query/schema.ts'
import { api, recoveries } from './api.ts'
import { useLoad } from './load.ts'
import type { Opening } from './opening.ts'
import { followLog } from './stream.ts'

export type Recent = {
  /** Newest first; nothing until they are read. */
  readonly openings: readonly Opening[] | undefined
  /** Those that came while this page was open. */
  readonly fresh: ReadonlySet<number>
  readonly isFollowing: boolean
  readonly error: unknown
  readonly reload: () => void
}

// A page that nobody looks at needs no stream.
const isShown = signal(!document.hidden)
document.addEventListener('visibilitychange', () => {
  isShown.value = !document.hidden
})

/** The newest of the log, kept up by its stream. */
export const useRecent = (limit: number): Recent => {
  const list = useLoad('recent', (abort) =>
    api.get<Static<typeof ListAnswer>>('/v1/unlocks', { query: { limit }, signal: abort }),
  )
  const [news, setNews] = useState<readonly Opening[]>([])
  const [isFollowing, setFollowing] = useState(false)
  const known = list.data && newestOf([...news, ...list.data.unlocks], limit)
  const lastSeq = useRef<number | undefined>(undefined)
  lastSeq.current = known?.[0]?.seq
  const isRead = known !== undefined
  useEffect(() => {
    if (!isRead || !isShown.value) return undefined
    const leaving = new AbortController()
    void followLog({
      lastSeq: () => lastSeq.current,
      onOpening: (opening) => setNews((before) => newestOf([opening, ...before], limit)),
      onFollowing: setFollowing,
      onGap: () => {
        lastSeq.current = undefined
        setNews([])
        list.reload()
      },
      signal: leaving.signal,
    })
    return () => {
      leaving.abort()
      setFollowing(false)
    }
  }, [isRead, isShown.value, recoveries.value])
  return {
    openings: known,
    fresh: new Set(news.map(({ seq }) => seq)),
    isFollowing,
    error: known ? undefined : list.error,
    reload: list.reload,
  }
}

const newestOf = (openings: readonly Opening[], limit: number): readonly Opening[] =>
  [...new Map(openings.map((one) => [one.seq, one])).values()]
    .toSorted((one, other) => other.seq - one.seq)
    .slice(0, limit)
