/** A clock of the day that never runs backwards: when the gateway's is set back, this one goes on
 * by the monotonic clock, so that nothing that has expired comes to life again. */
export const nonDecreasingClock = (
  now: () => number,
  monotonic: () => number = () => performance.now(),
): (() => number) => {
  let last = { day: now(), steady: monotonic() }
  return () => {
    const steady = monotonic()
    const day = Math.max(now(), last.day + (steady - last.steady))
    last = { day, steady }
    return Math.floor(day)
  }
}

/** A clock that goes on from a time by the monotonic clock alone, and so follows no jump at all. */
export const monotonicEpochClock = (
  startMs: number,
  monotonic: () => number = () => performance.now(),
): (() => number) => {
  const begun = monotonic()
  return () => Math.floor(startMs + (monotonic() - begun))
}
