import { MINUTE_MS, SECOND_MS } from '../domain/duration.ts'

const JITTER = 0.1

/** Milliseconds to wait after a number of failures: exponential from 1 second to a minute, with 10 % jitter, so that
 * several gateways do not reconnect at the same moment. */
export const backOffMs = (failures: number, random: () => number = Math.random): number =>
  Math.min(SECOND_MS * 2 ** Math.min(failures, 10), MINUTE_MS) * (1 + JITTER * (2 * random() - 1))
