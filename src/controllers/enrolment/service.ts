import { randomBytes } from 'node:crypto'
import type { Account } from '../../domain/account.ts'
import { type Actor, COMMAND_LINE } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { codeNonce, openStatement, sha256 } from '../../domain/statement/statement.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'
import {
  CONTROLLERS_PER_LOCK_MAX,
  CONTROLLER_TOKEN_PREFIX,
  type Controller,
  base64Of,
} from '../core/controller.ts'
import { controllersIn } from '../core/store.ts'
import type { DoorKeys } from '../door-key/door-key.ts'
import { codesIn } from './codes-store.ts'

export type Enrolment = ReturnType<typeof enrolmentService>

/** Returns a lock by its label. */
type FindLock = (
  queries: Pick<Queries, 'all' | 'get' | 'run'>,
  label: string,
) => Promise<{ readonly id: string; readonly name: string; readonly state: string } | undefined>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs' | 'nonDecreasingMs'>
  readonly auditIn: AuditIn
  readonly recordIn: RecordIn
  readonly findLock: FindLock
  readonly keys: Pick<DoorKeys, 'require'>
  /** Returns the account if the password matches, or undefined. */
  readonly checkPassword: (
    credentials: { readonly username: string; readonly password: string },
    by: Actor,
  ) => Promise<Account | undefined>
  /** Called after a controller was added or removed. */
  readonly onChange: (controller: Controller) => void
}

/** What a controller sends to enrol. */
export type Enrolling = {
  readonly code: string
  readonly publicKey: Uint8Array
  readonly name: string
  /** Its statement, which shows that it has the key. */
  readonly proof: Uint8Array
}

const CODE_BYTES = 16
const TOKEN_BYTES = 32
const CODE_LIFETIME_MS = 30 * MINUTE_MS
const CODES_PER_LOCK_MAX = 20

/** Adds controllers to locks by one-time codes, and removes them. */
export const enrolmentService = (deps: Dependencies) => {
  const { db, clock, auditIn, recordIn, findLock, keys, checkPassword, onChange } = deps

  const requirePassword = async (by: Actor, password: string | undefined): Promise<void> => {
    if (by === COMMAND_LINE) return
    if (!by.account || password === undefined)
      throw new AppError('forbidden', 'Send your password', { reason: 'password_required' })
    const { username, publicId } = by.account
    const confirmed = await checkPassword({ username, password }, by)
    if (confirmed?.publicId !== publicId)
      throw new AppError('forbidden', 'Wrong password', { reason: 'wrong_password' })
  }

  const note = async (
    tx: Transaction,
    by: Actor,
    kind: 'device.enrolled' | 'device.revoked',
    { id, lock, name, publicKey }: Pick<Controller, 'id' | 'lock' | 'name' | 'publicKey'>,
  ): Promise<void> => {
    await auditIn(tx).record(by, {
      action: kind === 'device.enrolled' ? 'controller.enrol' : 'controller.remove',
      result: 'success',
      subject: lock,
      detail: { controller: id },
    })
    recordIn(tx).add({
      kind,
      subject: `controller:${id}`,
      by: by.account?.publicId ?? null,
      about: null,
      body: {
        by: by.account?.publicId ?? by.address,
        controller: id,
        key: base64Of(publicKey),
        lock,
        name,
      },
    })
  }

  const removeIn = async (tx: Transaction, by: Actor, found: Controller): Promise<Controller> => {
    const removedAtMs = clock.wallMs()
    await controllersIn(tx).remove(found.id, removedAtMs)
    await note(tx, by, 'device.revoked', found)
    return { ...found, removedAtMs }
  }

  return {
    /** Makes a code that enrols one controller at a lock. The command line needs no password. Throws `forbidden` for a wrong password, `not_found`, and
     * `conflict` for a retired lock, one with a driver, or one with too many controllers. */
    makeCode: async (by: Actor, label: string, password?: string) => {
      await requirePassword(by, password)
      const code = randomBytes(CODE_BYTES).toString('hex')
      const hash = await hashOf(code)
      const nowMs = clock.nonDecreasingMs()
      const expiresAtMs = nowMs + CODE_LIFETIME_MS
      await db.transaction(async (tx) => {
        const lock = await findLock(tx, label)
        if (!lock) throw new AppError('not_found', NO_SUCH_LOCK)
        await requireRoom(tx, { lockId: lock.id, state: lock.state })
        if ((await codesIn(tx).count(lock.id, nowMs)) >= CODES_PER_LOCK_MAX)
          throw new AppError('conflict', TOO_MANY, { reason: 'too_many_controllers' })
        const madeBy = by.account?.publicId ?? null
        await codesIn(tx).add(hash, { lockId: lock.id, madeBy, expiresAtMs, nowMs })
        await auditIn(tx).record(by, {
          action: 'controller.enrol_code',
          result: 'success',
          subject: label,
        })
      })
      return { code, expiresAtMs }
    },

    /** Adds the controller that has a valid code. Returns it, with the token that it polls with and the door key that it
     * trusts. One that was removed can enrol again with the key that it has. Throws `not_found` for any other code or
     * a proof that is not by its key; `conflict` if the key is in use, or no longer trusted. */
    enrol: async (by: Actor, { code, publicKey, name, proof }: Enrolling) => {
      const hash = await hashOf(code)
      const claims = await openStatement('enrolment', proof, publicKey)
      const isProven =
        claims !== undefined &&
        Bun.deepEquals(claims.publicKey, publicKey) &&
        Bun.deepEquals(claims.nonce, await codeNonce(code))
      if (!isProven || !(await codesIn(db).find(hash, clock.nonDecreasingMs()))) throw wrongCode()
      const doorKey = await keys.require(by)
      const token = newToken()
      const tokenHash = await hashOf(token)
      const enrolled = await db.transaction(async (tx) => {
        const lock = await codesIn(tx).find(hash, clock.nonDecreasingMs())
        if (!lock || (await codesIn(tx).use(hash)) !== 1) throw wrongCode()
        const before = await controllersIn(tx).byKey(publicKey)
        if (before?.forkedAtMs) throw keyRefused()
        if (before && before.removedAtMs === null && before.lockId !== lock.lockId)
          throw keyRefused()
        await requireRoom(tx, lock, before?.id)
        const nowMs = clock.wallMs()
        const id = before?.id ?? Bun.randomUUIDv7('hex', nowMs)
        const { lockId } = lock
        await controllersIn(tx).put({ id, lockId, publicKey, name, tokenHash, enrolledAtMs: nowMs })
        await note(tx, by, 'device.enrolled', { id, lock: lock.label, name, publicKey })
        const controller = await controllersIn(tx).find(id)
        if (!controller) throw new Error('the controller is not there')
        return { controller, lockName: lock.name }
      })
      onChange(enrolled.controller)
      return { ...enrolled, token, doorKey: doorKey.publicKey }
    },

    /** Removes a controller. Throws `forbidden` for a wrong password, and `not_found`. */
    remove: async (by: Actor, id: string, password?: string): Promise<void> => {
      await requirePassword(by, password)
      const removed = await db.transaction(async (tx) => {
        const found = await controllersIn(tx).find(id)
        if (!found || found.removedAtMs !== null)
          throw new AppError('not_found', NO_SUCH_CONTROLLER)
        return removeIn(tx, by, found)
      })
      onChange(removed)
    },

    /** Removes all controllers: they trust a key that was stolen. */
    removeAllIn: async (tx: Transaction, by: Actor): Promise<void> => {
      for (const controller of await controllersIn(tx).all()) await removeIn(tx, by, controller)
    },

    /** Returns the controller of a token. */
    authenticate: async (token: string): Promise<Controller | undefined> =>
      token.startsWith(CONTROLLER_TOKEN_PREFIX)
        ? controllersIn(db).byToken(await hashOf(token))
        : undefined,
  }
}

/** Throws `conflict` unless a lock may have one more controller, besides one that is enrolling again. */
const requireRoom = async (
  tx: Transaction,
  { lockId, state }: { readonly lockId: string; readonly state: string },
  again?: string,
): Promise<void> => {
  if (state === 'retired') throw new AppError('conflict', LOCK_RETIRED, { reason: 'lock_retired' })
  if (await controllersIn(tx).hasDriver(lockId))
    throw new AppError('conflict', DRIVER_SET, { reason: 'driver_set' })
  const others = (await controllersIn(tx).ofLock(lockId)).filter(({ id }) => id !== again)
  if (others.length >= CONTROLLERS_PER_LOCK_MAX)
    throw new AppError('conflict', TOO_MANY, { reason: 'too_many_controllers' })
}

const hashOf = (text: string): Promise<Uint8Array> => sha256(new TextEncoder().encode(text))

const newToken = (): string =>
  CONTROLLER_TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')

const wrongCode = (): AppError => new AppError('not_found', WRONG_CODE, { reason: 'no_such_code' })
const keyRefused = (): AppError => new AppError('conflict', KEY_REFUSED, { reason: 'key_refused' })

export const NO_SUCH_LOCK = 'There is no such lock'
export const NO_SUCH_CONTROLLER = 'There is no such controller'
export const WRONG_CODE = 'The code is wrong, was used, or has expired: create another one'
export const LOCK_RETIRED = 'The lock is retired for good; add another one'
export const DRIVER_SET = 'The lock has a driver: remove it first'
export const KEY_REFUSED =
  'The key belongs to a controller of another lock, or to one that is no longer trusted: remove the state folder of this one, and enrol again'
export const TOO_MANY = `A lock can have at most ${CONTROLLERS_PER_LOCK_MAX} controllers`
