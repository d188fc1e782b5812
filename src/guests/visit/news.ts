type States = ReadonlyMap<string, string>

type Waiting = {
  readonly id: string
  readonly state: string | undefined
  readonly endMs: number
  readonly signal: AbortSignal
  readonly resolve: () => void
}

/** How often operations are looked at while somebody waits. */
const LOOKS_EVERY_MS = 100

/** Returns a function that waits until the state of an operation at a lock is another one, the time is over or nobody
 * waits for the answer. However many wait, they share one look at the database; it never rejects. */
export const operationNews = (statesOf: (ids: readonly string[]) => Promise<States>) => {
  const waiting = new Set<Waiting>()
  let timer: Timer | undefined

  const look = async (): Promise<void> => {
    const ids = [...new Set(Array.from(waiting, ({ id }) => id))]
    // The next read of the attempt shows the error.
    const states = await statesOf(ids).catch(() => undefined)
    for (const one of waiting) {
      const isNews = states !== undefined && states.get(one.id) !== one.state
      if (!isNews && performance.now() < one.endMs && !one.signal.aborted) continue
      waiting.delete(one)
      one.resolve()
    }
    timer = waiting.size === 0 ? undefined : setTimeout(() => void look(), LOOKS_EVERY_MS)
  }

  return (given: Omit<Waiting, 'resolve'>): Promise<void> =>
    new Promise((resolve) => {
      waiting.add({ ...given, resolve })
      timer ??= setTimeout(() => void look(), LOOKS_EVERY_MS)
    })
}
