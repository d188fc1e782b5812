/** Sends requests without waiting for the answers, so that no stall goes unseen, until the returned function is
 * called. That returns how many milliseconds each answer took, and rejects unless every answer is 200. */
export const probing = (
  ask: () => Promise<Response>,
  everyMs = 20,
): (() => Promise<readonly number[]>) => {
  const times: number[] = []
  const asked: Promise<void>[] = []
  const refused = new Map<number, number>()
  const timer = setInterval(() => {
    const begun = performance.now()
    const answered = async () => {
      const answer = await ask()
      await answer.arrayBuffer()
      times.push(performance.now() - begun)
      if (answer.status !== 200) refused.set(answer.status, (refused.get(answer.status) ?? 0) + 1)
    }
    const pending = answered()
    void pending.catch(() => {})
    asked.push(pending)
  }, everyMs)
  return async () => {
    clearInterval(timer)
    await Promise.all(asked)
    if (refused.size > 0) throw new Error(`refused, by status: ${JSON.stringify([...refused])}`)
    return times
  }
}
