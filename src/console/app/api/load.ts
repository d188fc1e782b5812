import { useCallback, useEffect, useState } from 'preact/hooks'
import { api, reconnections } from './client.ts'

/** Something that is loaded; the data stays while it is loaded again. */
export type Loaded<Data> = {
  readonly data: Data | undefined
  readonly error: unknown
  readonly isLoading: boolean
  readonly reload: () => void
}

/** Loads something when the page opens, when `key` changes, and when the gateway comes back.
 * `load` must depend on `key` alone. */
export const useLoad = <Data>(
  key: string,
  load: (signal: AbortSignal) => Promise<Data>,
): Loaded<Data> => {
  const [state, setState] = useState<{ key: string; data?: Data; error?: unknown }>({ key })
  const [isLoading, setLoading] = useState(true)
  const [round, setRound] = useState(0)
  useEffect(() => {
    const abort = new AbortController()
    setLoading(true)
    load(abort.signal)
      .then((data) => setState({ key, data }))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return
        // What was loaded under another key is not shown under this one.
        setState((before) => ({ ...(before.key === key ? before : {}), key, error }))
      })
      .finally(() => {
        if (!abort.signal.aborted) setLoading(false)
      })
    return () => abort.abort()
  }, [key, round, reconnections.value])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  const isCurrent = state.key === key
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading,
    reload,
  }
}

/** A long list, as far as it has been loaded. */
export type Pages<Row> = Omit<Loaded<readonly Row[]>, 'data'> & {
  readonly rows: readonly Row[] | undefined
  /** Loads the next page; undefined at the end of the list. */
  readonly more: (() => void) | undefined
}

/** A page of the API; each list has its rows in a member of its own name. */
type Answer = { readonly next: string | number | null } & Readonly<Record<string, unknown>>
type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** Loads a list of the API page by page, by its cursor, and starts over when the query changes.
 * `member` is where an answer has its rows, and `cursor` the parameter for the next page. */
export const usePages = <Row>(
  path: string,
  query: Query,
  member: string,
  cursor = 'cursor',
): Pages<Row> => {
  const key = JSON.stringify([path, query])
  const first = useLoad(key, (signal) => api.get<Answer>(path, { query, signal }))
  const [rest, setRest] = useState<{ of?: Answer; answers: readonly Answer[] }>({ answers: [] })
  const [isLoadingMore, setLoadingMore] = useState(false)
  const [error, setError] = useState<unknown>(undefined)

  const answers = first.data ? [first.data, ...(rest.of === first.data ? rest.answers : [])] : []
  const next = answers.at(-1)?.next
  const loadMore = async (): Promise<void> => {
    const of = first.data
    if (!next || !of || isLoadingMore) return
    setLoadingMore(true)
    setError(undefined)
    try {
      const answer = await api.get<Answer>(path, { query: { ...query, [cursor]: next } })
      setRest((before) => ({ of, answers: [...(before.of === of ? before.answers : []), answer] }))
    } catch (reason) {
      setError(reason)
    }
    setLoadingMore(false)
  }
  return {
    rows: first.data && answers.flatMap((answer) => answer[member] as readonly Row[]),
    error: first.error ?? error,
    isLoading: first.isLoading || isLoadingMore,
    reload: first.reload,
    more: next ? () => void loadMore() : undefined,
  }
}
