import type { RecordKind } from '../../domain/access.ts'
import type { AuditAction } from '../../domain/audit-actions.ts'
import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts'
import type { OpenWindows } from '../../domain/limits/windows.ts'
import type { GuestProblem } from '../../domain/home-event.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import { HttpError, RateLimitError } from '../../http/errors.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'
import type { AttemptNow, GuestLocks } from '../core/access.ts'
import { deviceName } from '../core/device-name.ts'
import { hashOfSecret, newSecret } from '../core/secret.ts'
import { type Pass, type PassDevice, passesIn } from '../core/store.ts'
import { givenKey, verifiedKnock } from './knock.ts'
import { operationNews } from './news.ts'
import { operationStates } from './operations-store.ts'
import type { GuestPassJson } from './schema.ts'
import type { GuestViews } from './view.ts'

export type VisitService = ReturnType<typeof visitService>

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'nonDecreasingMs' | 'monotonicMs'>
  readonly openWindows: OpenWindows
  /** False if new keys are not limited. */
  readonly isLimited: boolean
  readonly auditIn: AuditIn
  /** Records events that anyone can cause without limit. */
  readonly recordCoalesced: RecordAuditEvent
  readonly recordIn: RecordIn
  readonly locks: Pick<GuestLocks, 'idOf' | 'decide' | 'findAttempt'>
  readonly views: GuestViews
  /** Tells the host that a guest has a problem. */
  readonly announceIn: (
    tx: Transaction,
    news: { readonly problem: GuestProblem; readonly passId: string },
  ) => Promise<void>
}

/** A guest's device and its pass. */
export type Visitor = { readonly pass: Pass; readonly device: PassDevice }

/** Requests for help are passed on once in this time, until the host has dealt with them. */
const ASKS_EVERY_MS = 10 * MINUTE_MS

/** New keys of a phone in a day: each is a record for good. A browser that may not store its key makes one whenever the
 * page is opened. */
const KEYS_A_DAY_MAX = 100

export const NO_SUCH_PASS = 'There is no such pass, or it has been revoked'
export const ANOTHER_DEVICE = 'This pass is in use on as many phones as it allows'
export const PASS_ENDED = 'This pass has ended'
export const NO_PASS_HERE = 'No pass is used on this device, or it has been revoked'

/** What guests do with their passes. */
export const visitService = (deps: Dependencies) => {
  const { db, clock, auditIn, recordIn, locks, views } = deps
  const now = (): number => clock.nonDecreasingMs()
  const newsOf = operationNews((ids) => operationStates(db, ids))

  const requireView = async (pass: Pass, caller: Caller): Promise<GuestPassJson> => {
    const view = await views.viewOf(pass, caller)
    if (!view) throw noSuchPass()
    return view
  }

  const note = async (tx: Transaction, by: Caller, noted: Noted): Promise<void> => {
    const { action, kind, pass, device } = noted
    const [subject, detail] = [`pass:${pass.id}`, { device: device.id }]
    await auditIn(tx).record(by, { action, result: 'success', subject, detail })
    const body = { by: 'guest', pass: pass.id, device: device.id, signs: device.publicKey !== null }
    recordIn(tx).add({ kind, subject, by: null, about: pass.id, body })
  }

  const keys = deps.openWindows('guest keys', clock.monotonicMs)
  const requireRoomForKey = (deviceId: string): void => {
    if (!deps.isLimited) return
    const { count, endMs } = keys.add(deviceId, 1, DAY_MS)
    if (count <= KEYS_A_DAY_MAX) return
    const detail = `A phone may get ${KEYS_A_DAY_MAX} keys a day`
    throw new RateLimitError(endMs - keys.nowMs(), detail)
  }

  /** Returns false for a device that was removed in the meantime. */
  const setKey = async (
    tx: Transaction,
    by: Caller,
    { pass, device }: Visitor,
    publicKey: Uint8Array,
  ): Promise<boolean> => {
    if (device.publicKey && Buffer.from(publicKey).equals(device.publicKey)) return true
    requireRoomForKey(device.id)
    if (!(await passesIn(tx).setKey(device.id, publicKey))) return false
    const changed = { ...device, publicKey }
    await note(tx, by, { action: 'pass.rekey', kind: 'pass.rekeyed', pass, device: changed })
    return true
  }

  /** Records that one device too many was refused, and notifies the host the first time. */
  const refuse = async (pass: Pass, caller: Caller): Promise<void> => {
    const event = { action: 'pass.refuse', result: 'failure', subject: `pass:${pass.id}` } as const
    await deps.recordCoalesced(caller, event)
    const found = await views.viewOf(pass, caller)
    const [door] = found?.doors ?? []
    if (door)
      await locks
        .decide({
          caller,
          passId: pass.id,
          deviceId: undefined,
          hostName: () => views.hostName(pass),
          label: door.lock,
          id: Bun.randomUUIDv7(),
        })
        .catch((error: unknown) => {
          // Beyond the limit of attempts, refusals are only counted.
          if (!(error instanceof HttpError)) throw error
        })
    if (pass.refusedAtMs !== null) return
    await db.transaction(async (tx) => {
      await passesIn(tx).noteRefused(pass.id, now())
      await deps.announceIn(tx, { problem: 'another_device', passId: pass.id })
    })
  }

  return {
    /** Returns the device of a cookie and its pass, or undefined. */
    visitorOf: async (cookie: string | undefined): Promise<Visitor | undefined> => {
      if (!cookie) return undefined
      const device = await passesIn(db).findDeviceByCookie(hashOfSecret(cookie))
      const pass = device && (await passesIn(db).find(device.passId))
      return device && pass && { device, pass }
    },

    view: ({ pass }: Visitor, caller: Caller): Promise<GuestPassJson> => requireView(pass, caller),

    /** Returns what a pass is for, by the code of its link. Only the first look is remembered. Throws `not_found`. */
    look: async (caller: Caller, code: string): Promise<GuestPassJson> => {
      const pass = await passesIn(db).findByCode(hashOfSecret(code))
      if (!pass) throw noSuchPass()
      if (pass.lookedAtMs === null)
        await db.transaction((tx) => passesIn(tx).noteLooked(pass.id, now()))
      return requireView(pass, caller)
    },

    /** Puts a pass into use on a device, which then has the cookie. A device that uses it already keeps its own, with the
     * new key. Throws `not_found`, and `conflict` for a pass that has ended or is in use on enough devices. */
    bind: async (caller: Caller, { code, publicKey: given, visitor, cookie }: Binding) => {
      const publicKey = await givenKey(given)
      const secret = newSecret()
      const pass = await passesIn(db).findByCode(hashOfSecret(code))
      if (!pass) throw noSuchPass()
      const { state } = await requireView(pass, caller)
      if (state === 'ended') throw new AppError('conflict', PASS_ENDED, { reason: 'pass_ended' })
      const kept = visitor?.pass.id === pass.id ? cookie : undefined
      const isBound = await db.transaction(async (tx) => {
        // The link or the device may have ended in the meantime.
        if (!(await passesIn(tx).findByCode(hashOfSecret(code)))) throw noSuchPass()
        if (visitor && kept) {
          if (publicKey && !(await setKey(tx, caller, visitor, publicKey))) throw noSuchPass()
          return true
        }
        const device = {
          id: Bun.randomUUIDv7(),
          passId: pass.id,
          name: deviceName(caller.userAgent),
          publicKey,
        }
        const added = { ...device, cookieHash: hashOfSecret(secret), nowMs: now() }
        if (!(await passesIn(tx).addDevice(added))) return false
        await note(tx, caller, { action: 'pass.bind', kind: 'pass.bound', pass, device })
        return true
      })
      if (!isBound) {
        await refuse(pass, caller)
        throw new AppError('conflict', ANOTHER_DEVICE, { reason: 'another_device' })
      }
      return { cookie: kept ?? secret, view: await requireView(pass, caller) }
    },

    /** Replaces the key of a device whose browser has lost it. Returns false for a device that was removed in the
     * meantime. */
    rekey: async (caller: Caller, visitor: Visitor, given: string): Promise<boolean> => {
      const publicKey = await givenKey(given)
      return publicKey !== null && db.transaction((tx) => setKey(tx, caller, visitor, publicKey))
    },

    /** Asks the host for help; the home is told once in ten minutes at most. Returns when. */
    ask: async (caller: Caller, { pass }: Visitor): Promise<number> => {
      const nowMs = now()
      await db.transaction(async (tx) => {
        const current = await passesIn(tx).find(pass.id)
        if (!current || nowMs - (current.askedAtMs ?? 0) < ASKS_EVERY_MS) return
        await passesIn(tx).noteAsked(pass.id, nowMs)
        const subject = `pass:${pass.id}`
        await auditIn(tx).record(caller, { action: 'pass.ask', result: 'success', subject })
        await deps.announceIn(tx, { problem: 'asks', passId: pass.id })
      })
      return nowMs
    },

    /** Decides an attempt to open a lock. Throws what a decision throws. */
    unlock: async (caller: Caller, { pass, device }: Visitor, asked: Asked): Promise<object> => {
      const { id, lock: label, statement } = asked
      const lockId = statement && (await locks.idOf(label))
      return locks.decide({
        caller,
        passId: pass.id,
        deviceId: device.id,
        hostName: () => views.hostName(pass),
        label,
        id,
        knock: lockId ? await verifiedKnock(device, statement, { id, lockId }) : undefined,
      })
    },

    /** Returns what became of an attempt of the device, once there is news of the lock or the time is over. Throws
     * `not_found`. */
    attempt: async ({ device }: Visitor, { id, waitMs, signal }: Awaited): Promise<AttemptNow> => {
      const endMs = performance.now() + waitMs
      const state = (await operationStates(db, [id])).get(id)
      const first = await locks.findAttempt(device.id, id)
      if (waitMs === 0 || !isOpen(first)) return first
      await newsOf({ id, state, endMs, signal })
      return locks.findAttempt(device.id, id)
    },
  }
}

type Noted = {
  readonly action: AuditAction
  readonly kind: RecordKind
  readonly pass: Pass
  readonly device: Pick<PassDevice, 'id' | 'publicKey'>
}

type Binding = {
  readonly code: string
  readonly publicKey: string | undefined
  /** The device that the request's cookie stands for, if any. */
  readonly visitor: Visitor | undefined
  readonly cookie: string | undefined
}

type Asked = {
  readonly id: string
  readonly lock: string
  readonly statement: string | undefined
}

type Awaited = {
  readonly id: string
  readonly waitMs: number
  readonly signal: AbortSignal
}

/** Whether more may become known of an attempt. */
const isOpen = ({ delivery }: { readonly delivery: string }): boolean =>
  delivery === 'asked' || delivery === 'accepted'

const noSuchPass = (): AppError =>
  new AppError('not_found', NO_SUCH_PASS, { reason: 'no_such_pass' })
