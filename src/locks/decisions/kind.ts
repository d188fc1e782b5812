import { createHash } from 'node:crypto'
import { type DecisionReason, NO_ACCOUNT, type NewDecision } from '../../domain/access.ts'
import { lowerRole } from '../../domain/account.ts'
import { DENIALS_A_DAY, denialShare } from '../../domain/limits/denial-share.ts'
import type { AfterPermitted, PermittedAttempt } from '../../storage/writing/after-permitted.ts'
import type { Decided, DecisionKind } from '../../storage/writing/decision-kind.ts'
import { type Asking, type Decision, afterDecision, decide } from '../rules/decide.ts'
import { holdersOf } from '../grants/holder.ts'
import {
  type Attempt,
  type AttemptAnswer,
  type DecidedAttempt,
  type Knock,
  visitorOf,
} from './attempt.ts'
import { placesOf } from './grants-store.ts'
import { type DeviceNow, type PassNow, noteDevices } from './guests-store.ts'
import { GUEST, deviceStopOf, guestPlaces, hostOf } from './guests.ts'
import { type DecisionState, homes, loadState } from './state.ts'
import { type HolderNow, type LockNow, decisionWrites } from './store.ts'

/** The methods of decisions in the log: people use an app, guests the page of their pass. */
const METHODS = { account: 'app', pass: 'guest' } as const

type Options = {
  /** Returns the time zone of the home; called at the first decision. */
  readonly zone: () => string
  /** Whether members may invite guests; false by default. */
  readonly isOpenToMembers?: boolean
  readonly monotonicMs?: () => number
  readonly afterPermitted?: AfterPermitted | undefined
}

/** Returns how attempts to open locks are decided, in the transaction that records and counts. */
export const decisionKind = ({
  zone,
  isOpenToMembers = false,
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
  const isRecorded = (attempt: Attempt, { holder }: Known, reason: DecisionReason | null) => {
    const share = shares[holder.isAdmitted ? 'admitted' : 'newcomers']
    const whose = holder.isAdmitted ? attempt.sessionId : holder.publicId
    return share.takes(`${whose} ${reason}`, monotonicMs(), attempt.id)
  }

  return {
    load: (tx, attempts) => loadState(tx, attempts, homeWith),

    plan: (attempt, state, seq): Decided<AttemptAnswer> => {
      const requestHash = requestHashOf(attempt)
      const earlier = state.attempts.get(attempt.id)
      if (earlier && earlier.requestHash !== requestHash) return { answer: { status: 'id_taken' } }
      if (earlier) return { answer: { status: 'decided', attempt: earlier, isRepeat: true } }
      const lock = state.locks.get(attempt.lock)
      if (!lock) return { answer: { status: 'unknown_lock' } }
      const known = knownIn(state, attempt, { lock, isOpenToMembers })
      if (!known) return { answer: { status: 'unknown_holder' } }
      const decision = decideIn(state, attempt, known)
      const { isAdmitted } = known.holder
      const hasLeaf =
        decision.decision === 'permitted' || isRecorded(attempt, known, decision.reason)
      const decided: DecidedAttempt = {
        id: attempt.id,
        requestHash,
        lockId: lock.id,
        accountPublicId: known.holder.publicId,
        passId: known.pass?.id ?? null,
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
        leaf: hasLeaf ? { ...leafOf(attempt, decided), ...personOf(attempt, known) } : undefined,
      }
    },

    store: async (tx, { added, uses, seen }) => {
      const writes = decisionWrites(tx)
      if (!(await writes.countUses([...uses.values()]))) return false
      await writes.insertAttempts(added)
      await noteDevices(tx, [...seen.values()])
      const permitted = added.filter(({ decision }) => decision === 'permitted')
      if (permitted.length > 0) await afterPermitted?.(tx, permitted.map(permittedOf))
      return true
    },
  }
}

/** A repeat has to come from the same account or the same device of a guest, and name the same lock. */
const requestHashOf = ({ who, sessionId, lock }: Attempt): string => {
  const whose = 'account' in who ? who.account.publicId : `pass:${who.pass.id} ${sessionId}`
  return createHash('sha256').update(`${whose} ${lock}`).digest('hex')
}

/** Who asks, and what decides. */
type Known = Pick<Asking, 'lock' | 'grants' | 'guest'> & {
  readonly lock: LockNow
  readonly holder: HolderNow
  readonly pass?: PassNow
}

type At = { readonly lock: LockNow; readonly isOpenToMembers: boolean }

/** Returns undefined for an account or a pass that is gone. */
const knownIn = (
  state: DecisionState,
  { who }: Attempt,
  { lock, isOpenToMembers }: At,
): Known | undefined => {
  if ('account' in who) {
    const account = state.holders.get(who.account.publicId)
    if (!account) return undefined
    const holder = { ...account, role: lowerRole(account.role, who.account.role) }
    return { lock, holder, grants: state.grantsAt(placesOf(lock.id, holdersOf(holder))) }
  }
  const pass = state.passes.get(who.pass.id)
  if (!pass) return undefined
  const inviting = state.holders.get(pass.madeBy ?? '')
  const [places = [], hosts = []] = guestPlaces(lock.id, pass, inviting)
  const device = state.devices.get(who.pass.deviceId ?? '')
  const host = hostOf(pass, { host: inviting, isOpenToMembers, grants: state.grantsAt(hosts) })
  return {
    lock,
    holder: { ...GUEST, publicId: NO_ACCOUNT },
    pass,
    grants: state.grantsAt(places),
    guest: { deviceStop: deviceStopOf(who.pass, device), host },
  }
}

/** Decides an attempt, and counts the use and the device's statement for the attempts that follow. */
const decideIn = (state: DecisionState, attempt: Attempt, known: Known): Decision => {
  const { who, sessionId, nowMs } = attempt
  if ('pass' in who && who.pass.deviceId === undefined) return ANOTHER_DEVICE
  const asking: Asking = {
    ...known,
    home: state.home,
    nowMs,
    isClockDoubted: attempt.isDoubted,
    isHome: attempt.isHome,
    visitor: visitorOf(sessionId, known.lock.id),
  }
  const decision = decide(asking)
  noteUse(state, decision, asking)
  const device = state.devices.get(sessionId)
  if ('pass' in who && device) noteDevice(state, { device, knock: who.pass.knock, nowMs })
  return decision
}

const ANOTHER_DEVICE: Decision = {
  decision: 'denied',
  reason: 'another_device',
  grantId: null,
  use: null,
}

const noteUse = (state: DecisionState, decision: Decision, asking: Asking): void => {
  const grant = asking.grants.find(({ id }) => id === decision.grantId)
  if (!grant || !decision.use?.isNew) return
  state.used.set(grant.id, afterDecision(grant, decision, asking))
  state.uses.set(grant.id, {
    grantId: grant.id,
    count: (state.uses.get(grant.id)?.count ?? 0) + 1,
    atMs: asking.nowMs,
    by: asking.visitor,
  })
}

type Seen = {
  readonly device: DeviceNow
  readonly knock: Knock | undefined
  readonly nowMs: number
}

/** Takes note of a counter whatever was decided, so that a statement cannot be used later. */
const noteDevice = (state: DecisionState, { device, knock, nowMs }: Seen): void => {
  const isOwn = knock !== undefined && knock.key === device.key
  const counter = Math.max(device.counter, isOwn ? knock.counter : 0)
  state.devices.set(device.id, { ...device, counter })
  state.seen.set(device.id, { id: device.id, counter, atMs: nowMs })
}

const permittedOf = ({ id, lockId, decidedAtMs }: DecidedAttempt): PermittedAttempt => ({
  id,
  lockId,
  decidedAtMs,
})

const leafOf = (attempt: Attempt, { decision, reason, grantId }: DecidedAttempt) => ({
  id: Bun.randomUUIDv7(),
  attemptId: attempt.id,
  grantId,
  lock: attempt.lock,
  result: decision,
  reason,
})

/** What the leaf of a decision says about who asked. */
const personOf = (
  { who, tokenId }: Attempt,
  { pass, guest }: Known,
): Omit<NewDecision, keyof ReturnType<typeof leafOf>> => {
  if ('account' in who)
    return {
      accountPublicId: who.account.publicId,
      username: who.account.username,
      method: METHODS.account,
      ...(tokenId === undefined ? {} : { tokenId }),
    }
  const { id, deviceId = null, knock } = who.pass
  const isSigned = knock !== undefined && guest?.deviceStop !== 'bad_signature'
  return {
    accountPublicId: NO_ACCOUNT,
    username: pass?.label ?? '',
    method: METHODS.pass,
    guest: { passId: id, deviceId, counter: isSigned ? knock.counter : null },
    ...(isSigned ? { statement: new Uint8Array(Buffer.from(knock.statement, 'base64')) } : {}),
  }
}
