import { type Account, type Role, hasRole, isAtLeast } from '../../domain/account.ts'
import type { AuditAction } from '../../domain/audit-actions.ts'
import type { Actor, AuditEvent, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries, Transaction } from '../../storage/database.ts'
import type { AuditIn, RecordIn } from '../../storage/unit-of-work.ts'
import type { GuestLocks } from '../core/access.ts'
import { hashOfSecret, newSecret } from '../core/secret.ts'
import { passStateOf } from '../core/state.ts'
import { type Pass, type PassDevice, type PassFilter, passesIn } from '../core/store.ts'
import type { GuestErasure } from '../erasure/service.ts'

export type HostService = ReturnType<typeof hostService>

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly recordIn: RecordIn
  /** Returns the current role of an account; undefined if it is disabled or erased. */
  readonly actingRole: (tx: Pick<Queries, 'get'>, by: Actor) => Promise<Role | undefined>
  /** Whether members may invite guests. */
  readonly isOpenToMembers: boolean
  readonly locks: Pick<GuestLocks, 'grantOf' | 'all' | 'isSuspended' | 'revoke'>
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  /** Returns what a guest did, newest first, before the event with this number. */
  readonly unlocksOf: (
    passId: string,
    page: { readonly beforeSeq: number | undefined; readonly limit: number },
  ) => Promise<{ readonly unlocks: readonly object[]; readonly next: number | undefined }>
  readonly linkTo: (code: string) => string
  /** Returns the label of a guest as it is stored. Throws `invalid`. */
  readonly shownLabel: (label: string) => string
  readonly erasure: GuestErasure
}

/** Who reads: an account, or undefined for the command line. */
type Viewer = Pick<Account, 'publicId' | 'role'> | undefined

type Page = {
  readonly state?: PassFilter | undefined
  readonly cursor?: string | undefined
  readonly limit: number
  readonly signal?: AbortSignal
}

type Patch = {
  readonly label?: string
  readonly devices_max?: number
  readonly handled?: true
}

export const NO_SUCH_PASS = 'No such pass'
export const NO_SUCH_DEVICE = 'No such phone'
export const PASS_REVOKED = 'The pass is revoked for good; create another one'
export const GUESTS_BY_ADMINS = 'Only admins and owners may invite guests here'

/** What hosts do with the passes of their guests; admins and owners with all. */
export const hostService = (deps: Dependencies) => {
  const { db, clock, auditIn, recordIn, locks, nameOf, erasure } = deps
  const now = (): number => clock.nonDecreasingMs()

  const jsonOf = async (pass: Pass, devices: readonly PassDevice[]) => {
    const found = await locks.grantOf(pass.id)
    if (!found) return undefined
    const { grant } = found
    const labels = grant.locks === 'all' ? await labelsOfAll() : grant.locks
    return {
      id: pass.id,
      label: pass.label,
      host: pass.madeBy === null ? null : await hostOf(pass.madeBy),
      grant,
      state: passStateOf(grant, await locks.isSuspended(pass.id, labels)),
      devices: devices.filter(({ passId }) => passId === pass.id).map(deviceJson),
      devices_max: pass.devicesMax,
      looked_at: timeJson(pass.lookedAtMs),
      asked_at: timeJson(pass.askedAtMs),
      refused_at: timeJson(pass.refusedAtMs),
      created_at: new Date(pass.createdAtMs).toISOString(),
    }
  }

  const labelsOfAll = async () => (await locks.all()).map(({ label }) => label)

  const hostOf = async (id: string) => ({ id, name: (await nameOf(id)) ?? null })

  const requirePass = async (viewer: Viewer, id: string): Promise<Pass> => {
    const found = await passesIn(db).find(id)
    if (!found || !maySee(viewer, found)) throw new AppError('not_found', NO_SUCH_PASS)
    return found
  }

  const show = async (viewer: Viewer, id: string) => {
    const pass = await requirePass(viewer, id)
    const shown = await jsonOf(pass, await passesIn(db).devicesOf([id]))
    if (!shown) throw new AppError('not_found', NO_SUCH_PASS)
    return shown
  }

  /** Changes a pass in a transaction, with the current role of `by`, and adds its audit event. A refusal leaves one
   * too. `work` returns its detail, or undefined if nothing changed. */
  const change = async (
    by: Actor,
    { id, action, invites }: Changed,
    work: (tx: Transaction, pass: Pass) => Promise<AuditEvent['detail'] | undefined>,
  ): Promise<void> => {
    const subject = `pass:${id}`
    try {
      await db.transaction(async (tx) => {
        const role = await deps.actingRole(tx, by)
        const pass = await passesIn(tx).find(id)
        const viewer = role && { publicId: by.account?.publicId ?? '', role }
        if (!role || !pass || !maySee(viewer, pass)) throw new AppError('not_found', NO_SUCH_PASS)
        if (invites && !isAtLeast(role, 'admin') && !deps.isOpenToMembers)
          throw new AppError('forbidden', GUESTS_BY_ADMINS, { reason: 'guests_by_admins' })
        const detail = await work(tx, pass)
        if (detail) await auditIn(tx).record(by, { action, result: 'success', subject, detail })
      })
    } catch (error) {
      if (error instanceof AppError && (error.code === 'forbidden' || error.code === 'conflict')) {
        const detail = { reason: error.reason ?? error.code }
        await deps.record(by, { action, result: 'failure', subject, detail })
      }
      throw error
    }
  }

  /** Removes one or all devices of a pass, with a record. Returns how many there were. */
  const removeDevices = async (
    tx: Transaction,
    by: Actor,
    { pass, device }: { readonly pass: Pass; readonly device?: string },
  ): Promise<number> => {
    const removed = await passesIn(tx).removeDevices(pass.id, now(), device)
    if (removed === 0) return 0
    recordIn(tx).add({
      kind: 'device.revoked',
      subject: `pass:${pass.id}`,
      by: by.account?.publicId ?? null,
      about: pass.id,
      body: {
        by: by.account?.publicId ?? 'command line',
        pass: pass.id,
        ...(device === undefined ? {} : { device }),
      },
    })
    return removed
  }

  return {
    show,

    /** Returns a page of passes, newest first: to a member their own. */
    page: async (viewer: Viewer, { state, cursor, limit, signal }: Page) => {
      const madeBy = seesAll(viewer) ? undefined : viewer?.publicId
      const page = { madeBy, state, nowMs: now(), beforeId: cursor, limit: limit + 1 }
      const found = await passesIn(db).page(page)
      const shown = found.slice(0, limit)
      const devices = await passesIn(db).devicesOf(shown.map(({ id }) => id))
      const passes: NonNullable<Awaited<ReturnType<typeof jsonOf>>>[] = []
      for (const pass of shown) {
        await takeTurn(signal)
        const json = await jsonOf(pass, devices)
        if (json) passes.push(json)
      }
      return { passes, next: found.length > limit ? (shown.at(-1)?.id ?? null) : null }
    },

    /** Throws `not_found`, `invalid` for the label, and `forbidden` for more phones where members may not invite
     * guests. */
    change: (by: Actor, id: string, { label, devices_max: max, handled }: Patch): Promise<void> =>
      change(by, { id, action: 'pass.change', invites: max !== undefined }, async (tx, pass) => {
        const passes = passesIn(tx)
        const shown = label === undefined ? pass.label : deps.shownLabel(label)
        const fields = [
          ...(shown === pass.label ? [] : ['label']),
          ...(max === undefined || max === pass.devicesMax ? [] : ['devices_max']),
        ]
        if (fields.includes('label')) await passes.setLabel(id, shown)
        if (max !== undefined) await passes.setDevicesMax(id, max)
        if (handled) await passes.noteHandled(id)
        return fields.length === 0 ? undefined : { fields: fields.join(' ') }
      }),

    /** Creates a new link for a pass, and ends the old one and its devices. Returns the link. Throws `not_found`,
     * `forbidden`, and `conflict` for a revoked pass. */
    renewLink: async (by: Actor, id: string): Promise<string> => {
      const code = newSecret()
      await change(by, { id, action: 'pass.link', invites: true }, async (tx, pass) => {
        if (pass.revokedAtMs !== null)
          throw new AppError('conflict', PASS_REVOKED, { reason: 'grant_revoked' })
        await passesIn(tx).setCode(id, hashOfSecret(code))
        return { devices: await removeDevices(tx, by, { pass }) }
      })
      return deps.linkTo(code)
    },

    /** Throws `not_found`. */
    removeDevice: (by: Actor, id: string, device: string): Promise<void> =>
      change(by, { id, action: 'pass.change', invites: false }, async (tx, pass) => {
        if ((await removeDevices(tx, by, { pass, device })) === 0)
          throw new AppError('not_found', NO_SUCH_DEVICE)
        return { fields: 'devices', device }
      }),

    /** Returns what a guest did, newest first. Throws `not_found`. */
    unlocks: async (
      viewer: Viewer,
      id: string,
      { cursor, limit }: { readonly cursor: string | undefined; readonly limit: number },
    ) => {
      await requirePass(viewer, id)
      const beforeSeq = cursor === undefined ? undefined : Number(cursor)
      const { unlocks, next } = await deps.unlocksOf(id, { beforeSeq, limit })
      return { unlocks: [...unlocks], next: next === undefined ? null : String(next) }
    },

    /** Revokes a pass and erases the guest. Throws `not_found`. */
    erase: async (by: Actor, viewer: Viewer, id: string): Promise<void> => {
      await requirePass(viewer, id)
      const found = await locks.grantOf(id)
      if (found && found.grant.state !== 'revoked') await locks.revoke(by, found.grant.id)
      await erasure.erase(by, id)
    },
  }
}

type Changed = {
  readonly id: string
  readonly action: AuditAction
  /** True if the change lets somebody in. */
  readonly invites: boolean
}

const seesAll = (viewer: Viewer): boolean => viewer === undefined || hasRole(viewer, 'admin')

const maySee = (viewer: Viewer, { madeBy }: Pick<Pass, 'madeBy'>): boolean =>
  seesAll(viewer) || (madeBy !== null && madeBy === viewer?.publicId)

const deviceJson = ({ id, name, boundAtMs, seenAtMs, removedAtMs }: PassDevice) => ({
  id,
  name: name === '' ? null : name,
  bound_at: new Date(boundAtMs).toISOString(),
  seen_at: new Date(seenAtMs).toISOString(),
  removed_at: timeJson(removedAtMs),
})

const timeJson = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString()
