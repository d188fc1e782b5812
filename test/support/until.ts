/** Far longer than anything takes on a busy machine: only a condition that never comes true fails. */
const WAIT_MS_MAX = 120_000

/** Waits until a condition holds. Throws if it never does. */
export const until = async (
  holds: () => boolean | Promise<boolean>,
  waitMs = WAIT_MS_MAX,
): Promise<void> => {
  for (const deadline = performance.now() + waitMs; !(await holds()); await Bun.sleep(2))
    if (performance.now() > deadline) throw new Error(`this never came true: ${String(holds)}`)
}

/** Sends again what was refused because too much waits, as phones and controllers do. Returns the answer. */
export const untilTaken = async (send: () => Promise<Response>): Promise<Response> => {
  let answer = await send()
  await until(async () => {
    if (answer.status === 503) answer = await send()
    return answer.status !== 503
  })
  return answer
}
