import { readFileSync } from 'node:fs'
import { say } from './line.ts'

/** A load average below this leaves a core to the bench. */
const LOAD_MAX = 1.5

const WAIT_MS_MAX = Number(process.env['BENCH_WAIT_MINUTES'] ?? 10) * 60_000
const LOOK_MS = 5000

/** Returns the average number of processes that ran or waited for the disk in the last minute. */
export const loadAverage = (): number => Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0])

/** Waits until the machine is quiet; returns false if it still is not after ten minutes, or as many as
 * BENCH_WAIT_MINUTES says. */
export const becomesQuiet = async (): Promise<boolean> => {
  const deadline = performance.now() + WAIT_MS_MAX
  for (let isSaid = false; loadAverage() >= LOAD_MAX; isSaid = true) {
    if (performance.now() >= deadline) return false
    if (!isSaid) say(`Waiting for a load average below ${LOAD_MAX}; it is ${loadAverage()}`)
    await Bun.sleep(LOOK_MS)
  }
  return true
}
