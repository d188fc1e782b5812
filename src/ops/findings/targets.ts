import { HOUR_MS } from '../../domain/duration.ts'
import { type Finding, idAbout } from '../finding.ts'

/** The health of a target. */
export type TargetHealth = {
  readonly id: string
  readonly name: string
  readonly disabledWhy: 'gone' | 'failing' | undefined
  readonly failingSinceMs: number | undefined
  readonly missed: number
}

const PAGE = '/manual/home#when-something-is-late'

/** A target that fails for longer needs attention. */
const FAILING_MS = HOUR_MS

/** Reports targets that fail, are disabled or have missed events; nothing without targets. */
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
    : [{ check: 'targets', state: 'ok', says: 'Every target receives events' }]
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
            ? `${name} is switched off: its receiver said that it is gone`
            : `${name} is switched off: every attempt failed for five days`,
        fix: `Fix its receiver, then enable it again: secure-lock-server target on ${id}; or remove it`,
        page: PAGE,
        id: idAbout('target-disabled', id, disabledWhy),
      },
    ]
  if (failingSinceMs === undefined || nowMs - failingSinceMs < FAILING_MS) return []
  return [
    {
      check: 'targets',
      state: 'warning',
      says: `${name} has received nothing since ${new Date(failingSinceMs).toISOString()}: every attempt fails`,
      fix: `See its answers (secure-lock-server target deliveries ${id}), and fix its receiver or its address; waiting events are sent then`,
      page: PAGE,
      id: idAbout('target-failing', id, String(failingSinceMs)),
    },
  ]
}

const missedBy = ({ id, name, missed }: TargetHealth): Finding => ({
  check: 'targets',
  state: 'warning',
  says: `${name} missed ${missed.toLocaleString('en')} events in the last week, because too many were waiting`,
  fix: `They are in the log. To send them to ${name} again: secure-lock-server target replay ${id} --since UNLOCK`,
  page: PAGE,
  id: idAbout('target-missed', id, String(missed)),
})
