import type { RecordKind } from '../../domain/access.ts'
import { GATEWAY } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import type { OpenWindows } from '../../domain/limits/windows.ts'
import { lockClaim } from '../../domain/statement/claims.ts'
import type { ClaimsOf } from '../../domain/statement/claims.ts'
import { openStatement, payloadHash } from '../../domain/statement/statement.ts'
import { AppError } from '../../errors.ts'
import { RateLimitError } from '../../http/errors.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn, ReportIn } from '../../storage/unit-of-work.ts'
import { type Controller, base64Of } from '../core/controller.ts'
import { controllersIn } from '../core/store.ts'
import { type Around, type Run, type Verdict, verdictOn } from './chain.ts'
import { isEnd, leafOf, outcomeOf } from './leaf.ts'
import { reportsIn } from './store.ts'

export type Reports = ReturnType<typeof reportService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
  readonly openWindows: OpenWindows
  readonly auditIn: AuditIn
  readonly recordIn: RecordIn
  readonly reportIn: ReportIn
  /** Stores in a transaction what a report says of an operation. */
  readonly settleIn: (
    tx: Transaction,
    attemptId: string,
    how: { readonly state: 'accepted' | 'happened' | 'failed'; readonly detail: string },
  ) => Promise<void>
  readonly announceIn: (
    tx: Pick<Queries, 'all' | 'get' | 'run'>,
    problem: { readonly event: 'controller.alarm' | 'controller.silent'; readonly says: string },
  ) => Promise<void>
  /** Throws `unavailable` if the disk has no room. */
  readonly requireRoom: () => void
  /** Returns true if no other controller can still open the lock for an attempt. The function is undefined if other
   * replicas may have sent commands too. */
  readonly isLast: ((attemptId: string, controller: Controller) => boolean) | undefined
  /** Called after COMMIT with each report about an attempt; `isOver` if that is how it ended. */
  readonly onHeard: (attemptId: string, controllerId: string, isOver: boolean) => void
  /** Called after COMMIT with each new report, and once a controller is no longer trusted. */
  readonly onReport: (outcome: ReportOutcome) => void
  readonly onForked: (controllerId: string) => void
}

type ReportOutcome = ClaimsOf<'report'>['result'] | 'forked'

/** A report whose signature was checked. */
type Given = {
  readonly claims: ClaimsOf<'report'>
  readonly statement: Uint8Array
  readonly hash: Uint8Array
}

/** What a controller learns of its reports. */
export type Received = { readonly through: number; readonly missing: readonly Run[] }

/** More reports an hour than any lock has. */
const REPORTS_PER_HOUR_MAX = 3600

/** Stores what controllers sign. Their counters and hashes form a chain: what is missing is known and asked for, and a
 * second branch shows that somebody has a copy of the key. */
export const reportService = (deps: Dependencies) => {
  const { db, clock, auditIn, recordIn, reportIn, settleIn, announceIn, requireRoom } = deps
  const counts = deps.openWindows('controller reports')

  const opened = async (
    { publicKey, lockId }: Controller,
    statements: readonly Uint8Array[],
  ): Promise<readonly Given[]> => {
    const given: Given[] = []
    for (const statement of statements) {
      const claims = await openStatement('report', statement, publicKey)
      if (claims?.lock !== lockClaim(lockId))
        throw new AppError('invalid', BAD_STATEMENT, { reason: 'bad_statement' })
      given.push({ claims, statement, hash: await payloadHash(statement) })
    }
    return given
  }

  /** Runs `work`, which returns how many of these reports are new. Only those count. */
  const withinShare = async <Result extends { readonly added: readonly unknown[] }>(
    id: string,
    count: number,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const window = counts.add(id, count, HOUR_MS)
    let added = 0
    try {
      if (window.count > REPORTS_PER_HOUR_MAX)
        throw new RateLimitError(
          window.endMs - counts.nowMs(),
          `A controller may report ${REPORTS_PER_HOUR_MAX} times an hour`,
        )
      const result = await work()
      added = result.added.length
      return result
    } finally {
      counts.takeBack(id, window, count - added)
    }
  }

  const record = (
    tx: Transaction,
    { id, lock, name }: Controller,
    kind: RecordKind,
    body: object,
  ): void =>
    recordIn(tx).add({
      kind,
      subject: `controller:${id}`,
      by: null,
      about: null,
      body: { controller: id, lock, name, ...body },
    })

  const aroundOf = async (
    tx: Transaction,
    { id, publicKey }: Controller,
    counter: number,
  ): Promise<Around> => {
    const reports = reportsIn(tx)
    const rows = await reports.at(id, [counter - 1, counter, counter + 1])
    const at = (sought: number) => rows.find((row) => row.counter === sought)
    const hashAt = (sought: number) => {
      const row = at(sought)
      return row && new Uint8Array(row.payload_hash)
    }
    const after = at(counter + 1)?.statement
    return {
      newest: await reports.newest(id),
      same: hashAt(counter),
      before: hashAt(counter - 1),
      namedAfter: after
        ? (await openStatement('report', new Uint8Array(after), publicKey))?.previous
        : undefined,
    }
  }

  const fork = async (tx: Transaction, controller: Controller, { claims, statement }: Given) => {
    const { id, lock, name } = controller
    await controllersIn(tx).markForked(id, clock.wallMs())
    const { counter } = claims
    record(tx, controller, 'device.forked', { counter, statement: base64Of(statement) })
    await auditIn(tx).record(GATEWAY, {
      action: 'controller.fork',
      result: 'failure',
      subject: lock,
      detail: { controller: id, counter },
    })
    await announceIn(tx, {
      event: 'controller.alarm',
      says: `The controller ${name} of the lock ${lock} has been copied, or an old image of it was restored: it is no longer trusted. Remove it, and enrol it again`,
    })
  }

  /** Returns what a controller has reported about attempts since a time. */
  const heardIn = async (
    queries: Pick<Queries, 'all' | 'get' | 'run'>,
    { id, publicKey }: Pick<Controller, 'id' | 'publicKey'>,
    sinceMs: number,
  ) => {
    const heard: { readonly attemptId: string; readonly isOver: boolean }[] = []
    for (const statement of await reportsIn(queries).since(id, sinceMs)) {
      const claims = await openStatement('report', statement, publicKey)
      if (claims?.attempt === undefined) continue
      heard.push({ attemptId: claims.attempt, isOver: isEnd(claims.result) })
    }
    return heard
  }

  /** Returns true if no other controller can still open the lock for an attempt: every other one that was online since
   * then has reported how it ended. */
  const isLastIn = async (
    tx: Transaction,
    attemptId: string,
    { controller, decidedAtMs }: { readonly controller: Controller; readonly decidedAtMs: number },
  ): Promise<boolean> => {
    if (deps.isLast) return deps.isLast(attemptId, controller)
    const online = await controllersIn(tx).online(decidedAtMs)
    for (const other of await controllersIn(tx).ofLock(controller.lockId)) {
      if (other.id === controller.id || !online.has(other.id)) continue
      const heard = await heardIn(tx, other, decidedAtMs)
      if (!heard.some((one) => one.attemptId === attemptId && one.isOver)) return false
    }
    return true
  }

  /** Adds the leaf of a report that says how an attempt ended or that the lock opened unasked. */
  const tell = async (tx: Transaction, controller: Controller, given: Given): Promise<void> => {
    const { result } = given.claims
    const attempt = result === 'opened_unasked' ? undefined : given.claims.attempt
    const asker = attempt === undefined ? undefined : await reportsIn(tx).askerOf(attempt)
    const permitted =
      asker?.isPermitted === true && asker.lockId === controller.lockId ? asker : undefined
    const leaf = leafOf(controller, given, permitted)
    if (leaf) reportIn(tx).add(leaf)
    const outcome = outcomeOf(result)
    if (attempt !== undefined && permitted && outcome) {
      const { decidedAtMs } = permitted
      const isKnown =
        outcome !== 'failed' || (await isLastIn(tx, attempt, { controller, decidedAtMs }))
      if (isKnown) await settleIn(tx, attempt, { state: outcome, detail: result })
    }
    if (permitted || (outcome !== 'happened' && result !== 'opened_unasked')) return
    const isForgotten = attempt !== undefined && asker === undefined
    if (isForgotten && (await reportsIn(tx).wasPermitted(attempt, controller.lock))) return
    await announceIn(tx, {
      event: 'controller.alarm',
      says: `The lock ${controller.lock} opened although nobody was let in, according to its controller ${controller.name}`,
    })
  }

  /** Stores a report, unless it forks the chain. */
  const storeIn = async (
    tx: Transaction,
    controller: Controller,
    given: Given,
  ): Promise<Verdict> => {
    const { id } = controller
    const { counter, previous } = given.claims
    const around = await aroundOf(tx, controller, counter)
    const verdict = verdictOn({ counter, previous, hash: given.hash }, around)
    if (verdict === 'repeat') return verdict
    if (verdict === 'forked') {
      await fork(tx, controller, given)
      return verdict
    }
    const reports = reportsIn(tx)
    const nowMs = clock.wallMs()
    const { statement, hash } = given
    await reports.add(id, { counter, hash, statement, atMs: nowMs })
    if (verdict === 'ahead') {
      const gap = [around.newest + 1, counter - 1] as const
      await reports.addGap(id, gap, nowMs)
      record(tx, controller, 'gap.found', { first: gap[0], last: gap[1] })
    }
    if (verdict === 'late') {
      const gap = await reports.fillGap(id, counter, nowMs)
      if (gap) record(tx, controller, 'gap.filled', { first: gap[0], last: gap[1] })
    }
    await tell(tx, controller, given)
    return verdict
  }

  const receivedIn = async (
    queries: Pick<Queries, 'all' | 'get' | 'run'>,
    { id }: Controller,
  ): Promise<Received> => {
    const reports = reportsIn(queries)
    const missing = await reports.missing(id)
    const [first] = missing
    return { through: first ? first[0] - 1 : await reports.newest(id), missing }
  }

  return {
    /** Stores reports in their order; those of one call in one transaction. Throws `invalid` for one that is not
     * exactly a report of this controller about its lock, `conflict` once the chain has forked, RateLimitError, and
     * `unavailable`. */
    receive: async (
      controller: Controller,
      statements: readonly Uint8Array[],
    ): Promise<Received> => {
      const given = await opened(controller, statements)
      requireRoom()
      const { id } = controller
      const store = async (tx: Transaction) => {
        const now = await controllersIn(tx).find(id)
        if (!now || now.removedAtMs !== null) throw new AppError('unauthorized', REMOVED)
        if (now.forkedAtMs !== null) throw forked()
        const stored: Given[] = []
        for (const one of given) {
          const verdict = await storeIn(tx, now, one)
          if (verdict === 'forked') return { isForked: true, added: stored, received: undefined }
          if (verdict !== 'repeat') stored.push(one)
        }
        const known = await receivedIn(tx, now)
        await controllersIn(tx).setThrough(id, known.through)
        return { isForked: false, added: stored, received: known }
      }
      const { isForked, added, received } = await withinShare(id, given.length, () =>
        db.transaction(store),
      )
      for (const { claims } of added) {
        deps.onReport(claims.result)
        if (claims.attempt === undefined) continue
        deps.onHeard(claims.attempt, id, isEnd(claims.result))
      }
      if (received) return received
      if (isForked) {
        deps.onReport('forked')
        deps.onForked(id)
      }
      throw forked()
    },

    /** Returns what a controller has reported about attempts since a time. */
    heard: (controller: Pick<Controller, 'id' | 'publicKey'>, sinceMs: number) =>
      heardIn(db, controller, sinceMs),

    /** Returns which reports of a controller have come. */
    received: (controller: Controller): Promise<Received> => receivedIn(db, controller),
  }
}

const forked = (): AppError => new AppError('conflict', FORKED, { reason: 'forked' })

export const FORKED =
  'This controller is no longer trusted, because two of its reports have the same counter: an owner has to remove it, and enrol it again with a new state folder'
export const BAD_STATEMENT = 'This is not a report that this controller signed about its lock'
const REMOVED = 'This controller was removed'
