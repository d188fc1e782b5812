import type { TObject } from '@sinclair/typebox'
import type { Actor } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { requireVersion } from '../../http/request/headers/if-match.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import { checkFields, isObject } from '../../http/request/json-body.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { KINDS, type KindName } from '../kinds.ts'
import { type Setup, setupsIn } from './store.ts'

export type Setups = ReturnType<typeof setupService>

/** Returns the id of a lock by its label. */
export type FindLock = (
  queries: Pick<Queries, 'all' | 'get' | 'run'>,
  label: string,
) => Promise<{ readonly id: string } | undefined>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly auditIn: AuditIn
  readonly findLock: FindLock
  /** False without a broker. */
  readonly hasBroker: boolean
  /** Called after a change; `setup` is undefined if the driver was removed. */
  readonly onChange: (lockId: string, setup: Setup | undefined) => void
}

type Change = {
  readonly kind: KindName
  readonly settings: unknown
  /** Undefined to keep those of the same device. */
  readonly secrets: unknown
  /** The version that was read; undefined to change any version. */
  readonly version: number | undefined
}

/** Manages the drivers of locks. */
export const setupService = ({ db, auditIn, findLock, hasBroker, onChange }: Dependencies) => {
  const requireLock = async (queries: Parameters<FindLock>[0], label: string): Promise<string> => {
    const lock = await findLock(queries, label)
    if (!lock) throw new AppError('not_found', NO_SUCH_LOCK)
    return lock.id
  }

  const find = async (label: string): Promise<Setup> => {
    const setup = await setupsIn(db).find(await requireLock(db, label))
    if (!setup) throw new AppError('not_found', NO_DRIVER)
    return setup
  }

  return {
    /** Returns the driver of a lock. Throws `not_found`. */
    find,

    /** Sets the driver of a lock. Throws `invalid` for settings that the kind does not accept, `conflict` if it needs a
     * broker and there is none, or the lock has controllers, `precondition_failed` if it has another version, and `not_found`. */
    put: async (by: Actor, label: string, change: Change): Promise<Setup> => {
      const { kind } = change
      const settings = fieldsOf('settings', change.settings, KINDS[kind].settings)
      if (KINDS[kind].needsBroker && !hasBroker)
        throw new AppError('conflict', NO_BROKER, { reason: 'no_broker' })
      const setup = await db.transaction(async (tx) => {
        const lockId = await requireLock(tx, label)
        if (await setupsIn(tx).hasController(lockId))
          throw new AppError('conflict', CONTROLLER_SET, { reason: 'controller_set' })
        const before = await setupsIn(tx).find(lockId)
        requireVersion(change.version, before?.version ?? 0)
        const kept = before && isSameDevice(before, { kind, settings }) ? before.secrets : {}
        const secrets = fieldsOf('secrets', change.secrets ?? kept, KINDS[kind].secrets)
        const version = (before?.version ?? 0) + 1
        await setupsIn(tx).put({ lockId, kind, settings, secrets, version })
        await auditIn(tx).record(by, {
          action: 'lock.driver',
          result: 'success',
          subject: label,
          detail: { kind },
        })
        return { lockId, label, kind, settings, secrets, version, sinceEntry: null }
      })
      onChange(setup.lockId, setup)
      return setup
    },

    /** Removes the driver of a lock. Throws `not_found`. */
    remove: async (by: Actor, label: string): Promise<void> => {
      const { lockId } = await find(label)
      await db.transaction(async (tx) => {
        await setupsIn(tx).remove(lockId)
        await auditIn(tx).record(by, {
          action: 'lock.driver',
          result: 'success',
          subject: label,
          detail: { kind: 'none' },
        })
      })
      onChange(lockId, undefined)
    },
  }
}

/** Returns the fields that the kind accepts. Throws `invalid`. */
const fieldsOf = (name: string, given: unknown, schema: TObject): Setup['settings'] => {
  if (!isObject(given)) throw notAccepted({ [name]: 'an object' })
  // No kind has other types.
  return checkFields(given, schema) as Setup['settings']
}

/** Whether the address stays the same: a secret is never sent to an address that it was not entered for. */
const isSameDevice = (
  before: Pick<Setup, 'kind' | 'settings'>,
  after: Pick<Setup, 'kind' | 'settings'>,
): boolean => before.kind === after.kind && before.settings['url'] === after.settings['url']

export const NO_SUCH_LOCK = 'There is no such lock'
export const NO_DRIVER = 'The lock has no driver'
export const CONTROLLER_SET = 'The lock has controllers: remove them first'
export const NO_BROKER =
  'This kind of driver needs an MQTT broker: set MQTT_URL on the gateway first'
