import type { Actor } from '../domain/audit-event.ts'
import { problem } from '../http/answers.ts'
import { shownName } from './core/name.ts'
import type { DecisionTime } from './decisions/attempt.ts'
import type { decisionModule } from './decisions/module.ts'
import {
  ATTEMPT_EXAMPLE,
  AttemptAnswer,
  DECISION_EXAMPLE,
  DENIED_EXAMPLE,
  DecisionAnswer,
  ID_TAKEN,
  NO_SUCH_ATTEMPT,
  NO_SUCH_LOCK,
} from './decisions/schema.ts'
import { ASK_YOUR_HOST } from './decisions/service.ts'
import type { GrantReading } from './grants/reading.ts'
import { GRANT_EXAMPLE, GrantAnswer, PassLink } from './grants/schema.ts'
import type { Grants } from './grants/service.ts'
import type { Queries } from '../storage/database.ts'
import type { Locks } from './registry/service.ts'
import { locksIn } from './registry/store.ts'

type Dependencies = {
  readonly decisions: Pick<ReturnType<typeof decisionModule>, 'guests' | 'attempts'>
  readonly locks: Pick<Locks, 'all'>
  readonly grants: Pick<Grants, 'revoke' | 'eraseGuestIn'>
  readonly reading: Pick<GrantReading, 'ofPass'>
  readonly clock: () => DecisionTime
  readonly db: Queries
}

/** What guests can do at locks, and how it is documented. */
export const forGuests = ({ decisions, locks, grants, reading, clock, db }: Dependencies) => ({
  isClockDoubted: () => clock().isDoubted,
  eraseGrantIn: grants.eraseGuestIn,
  shownLabel: (label: string): string => shownName(label, 'label'),
  locks: {
    grantOf: reading.ofPass,
    all: locks.all,
    idOf: async (label: string) => (await locksIn(db).find(label))?.id,
    mayOpen: decisions.guests.mayOpen,
    isSuspended: decisions.guests.isSuspended,
    decide: decisions.attempts.decideGuest,
    findAttempt: decisions.attempts.findOfDevice,
    revoke: (by: Actor, grantId: string) => grants.revoke(by, grantId, null),
  },
  answers: {
    grant: { schema: GrantAnswer, example: GRANT_EXAMPLE },
    link: PassLink,
    decision: {
      description: 'Decided',
      schema: DecisionAnswer,
      examples: { permitted: DECISION_EXAMPLE, denied: DENIED_EXAMPLE },
    },
    attempt: { description: 'The attempt', schema: AttemptAnswer, example: ATTEMPT_EXAMPLE },
  },
  faults: {
    unknownLock: problem(404, 'not_found', NO_SUCH_LOCK),
    unknownAttempt: problem(404, 'not_found', NO_SUCH_ATTEMPT),
    idTaken: problem(409, 'id_taken', ID_TAKEN),
    closed: problem(503, 'unavailable', ASK_YOUR_HOST),
  },
})
