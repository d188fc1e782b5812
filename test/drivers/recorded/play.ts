import type { MessageDriver, Observation } from '../../../src/drivers/observation.ts'

/** A message of a recorded sequence: when it came, on which topic and with what; `retained` if the broker had kept
 * it. An object is sent as JSON. */
export type Recorded = readonly [
  seconds: number,
  topic: string,
  payload: unknown,
  retained?: 'retained',
]

/** When a sequence begins. */
export const BEGUN_MS = Date.parse('2026-11-29T10:25:00Z')

export type Told = { readonly seconds: number } & Observation

/** Plays a sequence to a driver, whose timers run too, until `untilSeconds`. Returns what it said, and when. */
export const play = (
  driver: MessageDriver<never>,
  recorded: readonly Recorded[],
  untilSeconds = 60,
): readonly Told[] => {
  const { begin, hear, wake } = driver as unknown as MessageDriver
  const told: Told[] = []
  let memory = begin
  let wakeAtMs: number | null = null
  const take = (step: ReturnType<typeof hear>, atMs: number): void => {
    memory = step.memory
    wakeAtMs = step.wakeAtMs
    const seconds = (atMs - BEGUN_MS) / 1000
    told.push(...step.observations.map((observation) => ({ seconds, ...observation })))
  }
  const wakeUntil = (ms: number): void => {
    const atMs = wakeAtMs
    if (atMs === null || atMs > ms) return
    take(wake(memory, atMs), atMs)
    wakeUntil(ms)
  }
  for (const [seconds, topic, payload, retained] of recorded) {
    const atMs = BEGUN_MS + seconds * 1000
    wakeUntil(atMs)
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    take(hear(memory, { topic, payload: text, isRetained: retained === 'retained', atMs }), atMs)
  }
  wakeUntil(BEGUN_MS + untilSeconds * 1000)
  return told
}

/** Who was let in or refused, and when that was told. */
export const peopleOf = (told: readonly Told[]) =>
  told.flatMap((one) =>
    one.kind === 'opened' || one.kind === 'refused'
      ? [
          {
            seconds: one.seconds,
            kind: one.kind,
            slot: one.slot,
            method: one.method,
            ...(one.kind === 'refused' ? { reason: one.reason } : {}),
          },
        ]
      : [],
  )

export const statesOf = (told: readonly Told[]) =>
  told.flatMap((one) =>
    one.kind === 'state' ? [{ seconds: one.seconds, state: one.state, isOld: one.isOld }] : [],
  )
