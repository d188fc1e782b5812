import { EARLIEST_WALL_MS } from '../../domain/clock.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { yieldToEventLoop } from '../../domain/event-loop.ts'
import { repeating } from '../../domain/repeating.ts'
import { type Actor, GATEWAY, type RecordAuditEvent } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import { findAccountState } from '../core/account-state-store.ts'
import { auditRefusals, requireManageable } from '../core/authorization.ts'
import type { Erasures } from '../people/erasure.ts'
import { type WaitingFilter, waitingListIn } from './waiting-list-store.ts'

export type WaitingList = ReturnType<typeof waitingList>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'transaction'>
  /** Accounts on the list, and those of one client. */
  readonly max: number
  readonly clientMax: number
  readonly erasures: Pick<Erasures, 'eraseIn' | 'tryToFinish'>
  /** The clock of the unlock log, which knows when not to be trusted. */
  readonly clock: () => { readonly nowMs: number; readonly isUncertain: boolean }
  readonly record: RecordAuditEvent
  /** Called if old accounts could not be erased; the next round tries again. */
  readonly report: (error: unknown) => void
}

/** How long a person may wait: an owner still finds them after a long holiday. Later they can register
 * again. */
export const WAITING_DAYS_MAX = 30

/** Accounts erased in one transaction. */
const BATCH = 20

/** Who has a place on the waiting list. A client has a share of it; if the list is full, the client
 * with the most accounts loses its oldest, so a flood from a few addresses keeps nobody else out.
 * Nobody let these people in, so to leave the list is to be erased. */
export const waitingList = (deps: Dependencies) => {
  const { db, max, clientMax, erasures, clock, record, report } = deps

  /** Returns who has to leave for another account of `client`, by public id; undefined if there is
   * room. Throws `unavailable` if there is none. */
  const leaverFor = async (
    queries: Pick<Queries, 'all'>,
    client: string,
  ): Promise<string | undefined> => {
    const shares = await waitingListIn(queries).shares()
    const own = shares.find((share) => share.client === client)?.accounts ?? 0
    if (own >= clientMax) throw listFull(CLIENT_LIST_FULL)
    if (shares.reduce((sum, { accounts }) => sum + accounts, 0) < max) return undefined
    const [largest] = shares
    // Someone who is alone at their address never makes room.
    if (!largest || largest.accounts <= own + 1) throw listFull(WAITING_LIST_FULL)
    return largest.oldest
  }

  /** Erases some of the list in short steps; somebody who is let in meanwhile stays. Returns who was
   * erased. */
  const eraseAll = async (
    filter: WaitingFilter,
    erase: (tx: Transaction, publicId: string) => Promise<void>,
  ): Promise<readonly string[]> => {
    const erased: string[] = []
    for (;;) {
      const batch = await db.transaction(async (tx) => {
        const found = await waitingListIn(tx).first(BATCH, filter)
        for (const publicId of found) await erase(tx, publicId)
        return found
      })
      erased.push(...batch)
      if (batch.length < BATCH) return erased
      await yieldToEventLoop()
    }
  }

  const eraseByGateway = async (
    tx: Transaction,
    publicId: string,
    reason: string,
  ): Promise<void> => {
    const account = await findAccountState(tx, publicId)
    if (account) await erasures.eraseIn(tx, GATEWAY, account, { reason })
  }

  const eraseOld = async (): Promise<readonly string[]> => {
    const { nowMs, isUncertain } = clock()
    if (isUncertain) return []
    // A person who registered before the clock was set has not waited since 1970.
    const period = { fromMs: EARLIEST_WALL_MS, toMs: nowMs - WAITING_DAYS_MAX * DAY_MS }
    return eraseAll({ period }, (tx, publicId) => eraseByGateway(tx, publicId, 'waited_too_long'))
  }

  const hourly = repeating(async () => {
    try {
      await erasures.tryToFinish(await eraseOld())
    } catch (error) {
      report(error)
    }
    return HOUR_MS
  })

  return {
    /** Returns the number of people who are waiting to be let in. */
    count: (): Promise<number> => waitingListIn(db).count(),

    /** Throws `unavailable` if there is no room for another account of a client. */
    requireRoom: async (client: string): Promise<void> => {
      await leaverFor(db, client)
    },

    /** Makes room for another account of a client. Returns who was erased for it, by public id; call
     * `erasures.tryToFinish` after COMMIT. Throws like `requireRoom`. */
    makeRoomIn: async (tx: Transaction, client: string): Promise<readonly string[]> => {
      const leaver = await leaverFor(tx, client)
      if (leaver === undefined) return []
      await eraseByGateway(tx, leaver, 'waiting_list_full')
      return [leaver]
    },

    /** Erases everyone on the list, or everyone from one client, and returns their number. What they
     * recorded is erased soon after. */
    clear: (by: Actor, client: string | undefined): Promise<number> =>
      auditRefusals({ record, by, event: { action: 'account.erase' } }, async () => {
        const erased = await eraseAll({ client }, async (tx, publicId) =>
          erasures.eraseIn(tx, by, await requireManageable(tx, { by, publicId })),
        )
        void erasures.tryToFinish(erased)
        return erased.length
      }),

    /** Erases people who have waited too long, now, then once an hour. Reports a failure and never rejects. */
    apply: hourly.apply,
    stop: hourly.stop,
  }
}

const listFull = (message: string): AppError =>
  new AppError('unavailable', message, { reason: 'waiting_list_full' })

export const WAITING_LIST_FULL =
  'Too many people wait to be let in; register again once an owner has let some in or refused them'

export const CLIENT_LIST_FULL =
  'Too many people at your address wait to be let in; register again once an owner has let some in or refused them'
