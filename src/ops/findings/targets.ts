import { HOUR_MS } from '../../domain/duration.ts'
import { type Finding, idAbout } from '../finding.ts'

/** How a target that hears of events does. */
export type TargetHealth = {
  readonly id: string
  readonly name: string
  readonly disabledWhy: 'gone' | 'failing' | undefined
  readonly failingSinceMs: number | undefined
  readonly missed: number
}

const PAGE = '/manual/home#when-something-is-late'

/** A target that fails for longer needs somebody. */
const FAILING_MS = HOUR_MS

/** Reports targets that hear of nothing, and those that have missed something; nothing without targets. */
export const targetFindings = (
  targets: readonly TargetHealth[],
  nowMs: number,
): readonly Finding[] => {
  if (targets.length === 0) return []
  const found = targets.flatMap((target) => [
    ...standingOf(target, nowMs),
    ...(target.missed > 0 ? [missedBy(target)] : []),
  ])
  return found.length > 0
    ? found
    : [{ check: 'targets', state: 'ok', says: 'Every target hears of events' }]
}

const standingOf = (target: TargetHealth, nowMs: number): readonly Finding[] => {
  const { id, name, disabledWhy, failingSinceMs } = target
  if (disabledWhy !== undefined)
    return [
      {
        check: 'targets',
        state: 'warning',
        says:
          disabledWhy === 'gone'
            ? `${name} hears of nothing any more: its receiver said that it is gone`
            : `${name} hears of nothing any more: it did nothing but fail for five days`,
        fix: `Mend its receiver, then switch it on again: secure-lock-server target on ${id}; or remove it`,
        page: PAGE,
        id: idAbout('target-disabled', id, disabledWhy),
      },
    ]
  if (failingSinceMs === undefined || nowMs - failingSinceMs < FAILING_MS) return []
  return [
    {
      check: 'targets',
      state: 'warning',
      says: `${name} has not heard of anything since ${new Date(failingSinceMs).toISOString()}: every attempt fails`,
      fix: `See its answers (secure-lock-server target deliveries ${id}), and mend its receiver or its address; what waits is told then`,
      page: PAGE,
      id: idAbout('target-failing', id, String(failingSinceMs)),
    },
  ]
}

const missedBy = ({ id, name, missed }: TargetHealth): Finding => ({
  check: 'targets',
  state: 'warning',
  says: `${name} missed ${missed.toLocaleString('en')} events in the last week, because too many waited`,
  fix: `They are in the log. To tell ${name} of them again: secure-lock-server target replay ${id} --since UNLOCK`,
  page: PAGE,
  id: idAbout('target-missed', id, String(missed)),
})
