type Running<Result> = {
  readonly result: Promise<Result>
  readonly ending: AbortController
  clients: number
}

/** Returns a function that shares work between clients: while the work for a key runs, others who ask for the
 * same key get its result. Its signal is aborted when the last of them is gone. */
export const sharedWork = <Result>() => {
  const running = new Map<string, Running<Result>>()

  const begin = (key: string, work: (signal: AbortSignal) => Promise<Result>): Running<Result> => {
    const ending = new AbortController()
    const begun = { result: work(ending.signal), ending, clients: 0 }
    running.set(key, begun)
    const forget = (): void => {
      if (running.get(key) === begun) running.delete(key)
    }
    begun.result.then(forget, forget)
    return begun
  }

  /** Resolves with the result. Rejects with the reason of the client's signal once that is aborted. */
  return async (
    key: string,
    client: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    client.throwIfAborted()
    const known = running.get(key)
    const one = known && !known.ending.signal.aborted ? known : begin(key, work)
    one.clients += 1
    const gone = Promise.withResolvers<never>()
    const leave = (): void => {
      one.clients -= 1
      if (one.clients === 0) one.ending.abort(client.reason)
      gone.reject(client.reason)
    }
    client.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([one.result, gone.promise])
    } finally {
      client.removeEventListener('abort', leave)
    }
  }
}
