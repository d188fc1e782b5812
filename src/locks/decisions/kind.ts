import { createHash } from 'node:crypto'
import type { DecisionReason, NewDecision } from '../../domain/access.ts'
import { lowerRole } from '../../domain/account.ts'
import { DENIALS_A_DAY, denialShare } from '../../domain/limits/denial-share.ts'
import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import type { AfterPermitted, PermittedAttempt } from '../../storage/writing/after-permitted.ts'
import type { Decided, DecisionKind } from '../../storage/writing/decision-kind.ts'
import { type Asking, type Decision, afterDecision, decide } from '../rules/decide.ts'
import type { Grant, Home } from '../rules/grant.ts'
import { type Attempt, type AttemptAnswer, type DecidedAttempt, visitorOf } from './attempt.ts'
import { holdersOf } from '../grants/holder.ts'
import { type Place, grantReads, placesOf } from './grants-store.ts'
import { type HolderNow, type LockNow, type Uses, decisionReads, decisionWrites } from './store.ts'

/** The method of decisions in the log: people use an app. */
const METHOD = 'app'

/** The state that a group of attempts is decided on. Each plan updates it for the attempts that follow. */
export type DecisionState = {
  readonly attempts: Map<string, DecidedAttempt>
  readonly locks: ReadonlyMap<string, LockNow>
  readonly holders: ReadonlyMap<string, HolderNow>
  /** Returns the grants of an account for a lock. */
  readonly grantsFor: (lockId: string, holder: HolderNow) => readonly Grant[]
  /** Grants that attempts of the group have used, as they are afterwards. */
  readonly used: Map<string, Grant>
  readonly home: Home
  readonly added: DecidedAttempt[]
  readonly uses: Map<string, Uses>
}

type Options = {
  /** Returns the time zone of the home; called at the first decision. */
  readonly zone: () => string
  readonly monotonicMs?: () => number
  readonly afterPermitted?: AfterPermitted | undefined
}

/** Returns how attempts to open locks are decided, in the transaction that records and counts. */
export const decisionKind = ({
  zone,
  monotonicMs = () => performance.now(),
  afterPermitted,
}: Options): DecisionKind<Attempt, DecisionState> => {
  const homeWith = homes(zone)
  const shares = {
    admitted: denialShare(DENIALS_A_DAY.admitted),
    newcomers: denialShare(DENIALS_A_DAY.newcomers),
  }

  /** Returns whether a denial becomes a leaf: the first of each minute for each session and reason, a hundred
   * a day, and few of all newcomers together, who can begin any number of sessions. */
  const isRecorded = (attempt: Attempt, isAdmitted: boolean, reason: DecisionReason | null) => {
    const share = shares[isAdmitted ? 'admitted' : 'newcomers']
    const whose = isAdmitted ? attempt.sessionId : attempt.account.publicId
    return share.takes(`${whose} ${reason}`, monotonicMs(), attempt.id)
  }

  return {
    load: (tx, attempts) => loadState(tx, attempts, homeWith),

    plan: (attempt, state, seq): Decided<AttemptAnswer> => {
      const requestHash = requestHashOf(attempt)
      const known = state.attempts.get(attempt.id)
      if (known && known.requestHash !== requestHash) return { answer: { status: 'id_taken' } }
      if (known) return { answer: { status: 'decided', attempt: known, isRepeat: true } }
      const lock = state.locks.get(attempt.lock)
      const account = state.holders.get(attempt.account.publicId)
      if (!lock) return { answer: { status: 'unknown_lock' } }
      if (!account) return { answer: { status: 'unknown_account' } }
      const decision = decideIn(state, attempt, { lock, account })
      const { isAdmitted } = account
      const hasLeaf =
        decision.decision === 'permitted' || isRecorded(attempt, isAdmitted, decision.reason)
      const decided: DecidedAttempt = {
        id: attempt.id,
        requestHash,
        lockId: lock.id,
        accountPublicId: account.publicId,
        sessionId: attempt.sessionId,
        decision: decision.decision,
        reason: decision.reason,
        grantId: decision.grantId,
        useNumber: decision.use?.number ?? null,
        useMax: decision.use?.max ?? null,
        decidedAtMs: attempt.nowMs,
        seq: hasLeaf ? seq : null,
      }
      state.attempts.set(attempt.id, decided)
      // Anyone can become a newcomer, so only the leaves of their attempts are kept.
      if (hasLeaf || isAdmitted) state.added.push(decided)
      return {
        answer: { status: 'decided', attempt: decided, isRepeat: false },
        leaf: hasLeaf ? leafOf(attempt, decided) : undefined,
      }
    },

    store: async (tx, { added, uses }) => {
      const writes = decisionWrites(tx)
      if (!(await writes.countUses([...uses.values()]))) return false
      await writes.insertAttempts(added)
      const permitted = added.filter(({ decision }) => decision === 'permitted')
      if (permitted.length > 0) await afterPermitted?.(tx, permitted.map(permittedOf))
      return true
    },
  }
}

/** A repeat has to come from the same account and name the same lock. */
const requestHashOf = ({ account, lock }: Attempt): string =>
  createHash('sha256').update(`${account.publicId} ${lock}`).digest('hex')

type Concerned = { readonly lock: LockNow; readonly account: HolderNow }

/** Decides an attempt, and counts the use for the attempts that follow. */
const decideIn = (
  state: DecisionState,
  attempt: Attempt,
  { lock, account }: Concerned,
): Decision => {
  const holder = { ...account, role: lowerRole(account.role, attempt.account.role) }
  const asking: Asking = {
    lock,
    holder,
    grants: state.grantsFor(lock.id, holder),
    home: state.home,
    nowMs: attempt.nowMs,
    isClockDoubted: attempt.isDoubted,
    isHome: attempt.isHome,
    visitor: visitorOf(attempt.sessionId, lock.id),
  }
  const decision = decide(asking)
  const grant = asking.grants.find(({ id }) => id === decision.grantId)
  if (grant && decision.use?.isNew) {
    state.used.set(grant.id, afterDecision(grant, decision, asking))
    state.uses.set(grant.id, {
      grantId: grant.id,
      count: (state.uses.get(grant.id)?.count ?? 0) + 1,
      atMs: asking.nowMs,
      by: asking.visitor,
    })
  }
  return decision
}

const permittedOf = ({ id, lockId, decidedAtMs }: DecidedAttempt): PermittedAttempt => ({
  id,
  lockId,
  decidedAtMs,
})

const leafOf = (attempt: Attempt, { decision, reason, grantId }: DecidedAttempt): NewDecision => ({
  id: Bun.randomUUIDv7(),
  attemptId: attempt.id,
  grantId,
  lock: attempt.lock,
  result: decision,
  reason,
  accountPublicId: attempt.account.publicId,
  username: attempt.account.username,
  method: METHOD,
  ...(attempt.tokenId === undefined ? {} : { tokenId: attempt.tokenId }),
})

/** Reads the state that a group of attempts is decided on. */
const loadState = async (
  tx: Queries,
  attempts: readonly Attempt[],
  homeWith: HomeWith,
): Promise<DecisionState> => {
  const reads = decisionReads(tx)
  const known = await reads.attempts(attempts.map(({ id }) => id))
  const locks = await reads.locks([...new Set(attempts.map(({ lock }) => lock))])
  const publicIds = attempts.map(({ account }) => account.publicId)
  const holders = await reads.holders([...new Set(publicIds)])
  const placesFor = (lockId: string, holder: HolderNow): readonly Place[] =>
    placesOf(lockId, holdersOf(holder))
  const asked = attempts.flatMap(({ id, lock: label, account }) => {
    const [lock, holder] = [locks.get(label), holders.get(account.publicId)]
    return lock && holder && !known.has(id) ? [placesFor(lock.id, holder)] : []
  })
  const grants = await grantReads(tx).at(asked, Math.min(...attempts.map(timeMs)))
  const used = new Map<string, Grant>()
  const needsHolidays = asked.some((places) =>
    grants.of(places).some(({ terms }) => terms.holidays !== 'ignore'),
  )
  const holidays = needsHolidays ? await reads.holidays(...datesAround(attempts)) : NO_HOLIDAYS
  return {
    attempts: new Map(known),
    locks,
    holders,
    grantsFor: (lockId, holder) =>
      grants.of(placesFor(lockId, holder)).map((grant) => used.get(grant.id) ?? grant),
    used,
    home: homeWith(holidays),
    added: [],
    uses: new Map(),
  }
}

/** The time of an attempt, or 0 while the clock is not trusted, so that grants count as live. */
const timeMs = ({ nowMs, isDoubted }: Attempt): number => (isDoubted ? 0 : nowMs)

/** A window that is open now began at most two days ago, on a date that may be another in UTC. */
const HOLIDAYS_BEFORE_MS = 4 * DAY_MS
const HOLIDAYS_AFTER_MS = 2 * DAY_MS

/** Returns the first and the last date whose holidays matter to attempts. One of them may doubt a clock that the
 * others, which came after it was set right, do not. */
const datesAround = (attempts: readonly Attempt[]): readonly [string, string] => {
  const times = attempts.map(({ nowMs }) => nowMs)
  return [
    dateOf(Math.min(...times) - HOLIDAYS_BEFORE_MS),
    dateOf(Math.max(...times) + HOLIDAYS_AFTER_MS),
  ]
}

const NO_HOLIDAYS: ReadonlyMap<string, string> = new Map()

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

type HomeWith = (holidays: ReadonlyMap<string, string>) => Home

/** Returns the home with its holidays. It is the same object until they change, because intervals of windows
 * are cached by it. */
const homes = (zone: () => string): HomeWith => {
  let last: Home | undefined
  return (holidays) => {
    if (!last || !Bun.deepEquals(last.holidays, holidays))
      last = { zone: last?.zone ?? zone(), holidays }
    return last
  }
}
