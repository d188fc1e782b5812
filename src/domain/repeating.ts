/** Work that is done again and again, until it is stopped. */
export type Repeating = {
  /** Does the work now, and again after the milliseconds that it returned. Rejects only if the work does. */
  readonly apply: () => Promise<void>
  readonly stop: () => void
}

/** Repeats work that returns after how many milliseconds to do it again. */
export const repeating = (work: () => Promise<number>): Repeating => {
  let next: Timer | undefined
  let round = 0
  const stop = (): void => {
    round += 1
    clearTimeout(next)
  }
  const apply = async (): Promise<void> => {
    stop()
    const own = round
    const againInMs = await work()
    if (own !== round) return
    next = setTimeout(() => void apply(), againInMs)
    next.unref()
  }
  return { apply, stop }
}

/** Returns a function that runs `work` some milliseconds after a call: once for all calls until then, and once more for
 * calls during the work. It must not reject. */
export const atMostEvery = (ms: number, work: () => Promise<void>) => {
  let timer: Timer | undefined
  let isAgain = false
  let isStopped = false

  const run = async (): Promise<void> => {
    isAgain = false
    await work()
    timer = undefined
    if (isAgain) call()
  }

  const call = (): void => {
    isAgain = true
    if (!isStopped) timer ??= setTimeout(() => void run(), ms).unref()
  }

  return {
    call,
    stop: (): void => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
