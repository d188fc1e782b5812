import { useCallback, useEffect, useState } from 'preact/hooks'
import { api, recoveries } from './api.ts'

/** What is being read: whatever is there stays while it is read again. */
export type Loaded<Data> = {
  readonly data: Data | undefined
  readonly error: unknown
  readonly isLoading: boolean
  readonly reload: () => void
}

/** Reads something when the page opens, when `key` changes, and when the gateway comes back.
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
        if (!abort.signal.aborted) setState((before) => ({ ...before, key, error }))
      })
      .finally(() => {
        if (!abort.signal.aborted) setLoading(false)
      })
    return () => abort.abort()
  }, [key, round, recoveries.value])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  const isCurrent = state.key === key
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading,
    reload,
  }
}

/** A long list as far as it was read. */
export type Pages<Row> = Omit<Loaded<readonly Row[]>, 'data'> & {
  readonly rows: readonly Row[] | undefined
  /** Reads on; nothing where the list ends. */
  readonly more: (() => void) | undefined
}

/** A page of the API: its rows are in a member that each list names for itself. */
type Answer = { readonly next: string | null } & Readonly<Record<string, unknown>>
type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** Reads a list of the API page by page, by its cursor; from the start when the query changes. `member` is
 * where an answer has the rows. */
export const usePages = <Row>(path: string, query: Query, member: string): Pages<Row> => {
  const key = JSON.stringify([path, query])
  const first = useLoad(key, (signal) => api.get<Answer>(path, { query, signal }))
  const [rest, setRest] = useState<{ of?: Answer; answers: readonly Answer[] }>({ answers: [] })
  const [isReading, setReading] = useState(false)
  const [error, setError] = useState<unknown>(undefined)

  const answers = first.data ? [first.data, ...(rest.of === first.data ? rest.answers : [])] : []
  const next = answers.at(-1)?.next
  const readOn = async (): Promise<void> => {
    const of = first.data
    if (!next || !of || isReading) return
    setReading(true)
    setError(undefined)
    try {
      const answer = await api.get<Answer>(path, { query: { ...query, cursor: next } })
      setRest((before) => ({ of, answers: [...(before.of === of ? before.answers : []), answer] }))
    } catch (fault) {
      setError(fault)
    }
    setReading(false)
  }
  return {
    rows: first.data && answers.flatMap((answer) => answer[member] as readonly Row[]),
    error: first.error ?? error,
    isLoading: first.isLoading || isReading,
    reload: first.reload,
    more: next ? () => void readOn() : undefined,
  }
}
