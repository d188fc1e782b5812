import { MINUTE_MS, SECOND_MS } from '../domain/duration.ts'

const JITTER = 0.1

/** Milliseconds to wait after a number of failures: 1 second, doubled each time, up to a minute, and a tenth more
 * or less, so that the gateways of a house do not all return at once. */
export const backOffMs = (failures: number, random: () => number = Math.random): number =>
  Math.min(SECOND_MS * 2 ** Math.min(failures, 10), MINUTE_MS) * (1 + JITTER * (2 * random() - 1))
