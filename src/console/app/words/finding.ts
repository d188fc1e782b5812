import type { Static } from '@sinclair/typebox'
import type { DoctorAnswer } from '../../../ops/schema.ts'

/** What one check of the gateway found. */
export type Finding = Static<typeof DoctorAnswer>['findings'][number]

/** What needs attention, because no owner has accepted it, the most important first. */
export const problemsIn = (findings: readonly Finding[]): readonly Finding[] =>
  findings
    .filter(({ state, accepted }) => state !== 'ok' && !accepted)
    .sort((one, other) => weightOf(other) - weightOf(one))

const weightOf = ({ state, check }: Finding): number =>
  (state === 'fault' ? 2 : 0) + (check === 'logins' ? 1 : 0)
