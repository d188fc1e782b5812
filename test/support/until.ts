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
