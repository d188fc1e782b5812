import { type Account, type Role, hasRole, isNewcomer } from '../../domain/account.ts'
import {
  type Actor,
  type AuditEvent,
  COMMAND_LINE,
  type RecordAuditEvent,
} from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Channel, Rule, TargetContents, SendResult } from '../../domain/home-event.ts'
import { AppError } from '../../errors.ts'
import { requireVersion } from '../../http/request/headers/if-match.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { BROKER } from '../core/broker-target.ts'
import { type Delivery, type Replayed, type Summary, deliveriesIn } from '../core/delivery-store.ts'
import { type StoredTarget, targetsIn } from '../core/target-store.ts'
import { type Kinds, kindIn, requireKnownDestination, requireRules } from './accepted.ts'
import { type Asker, type By, accountOf, isOwner, mayUse } from './asker.ts'
import type { ShownTarget } from './json.ts'
import { type RuleNames, rulesInWords } from './says.ts'

export type Targets = ReturnType<typeof targetService>

type Dependencies = RuleNames & {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs'>
  /** The kinds that people can add. */
  readonly kinds: Kinds
  /** The channels of all kinds. */
  readonly channels: Readonly<Record<string, Channel | undefined>>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  /** Returns the account if the password matches, or undefined. */
  readonly checkPassword: (
    credentials: { readonly username: string; readonly password: string },
    by: Actor,
  ) => Promise<Account | undefined>
  /** Returns the current role of an account, but at most the role of the request; undefined if the account is
   * disabled or erased. */
  readonly actingRole: (tx: Transaction, by: Actor) => Promise<Role | undefined>
  /** Called after a change that may let waiting deliveries be sent. */
  readonly wake: (targetId?: string) => void
}

export type NewTarget = Partial<TargetContents> & {
  readonly kind: string
  readonly name: string
  readonly rules?: readonly Rule[] | undefined
  readonly personal?: boolean | undefined
  /** Of the caller's account. */
  readonly password?: string | undefined
}

type TargetChange = Partial<TargetContents> & {
  readonly name?: string | undefined
  readonly rules?: readonly Rule[] | undefined
  readonly state?: 'enabled' | 'disabled' | undefined
  readonly password?: string | undefined
  /** The version that was read; undefined to change any version. */
  readonly version: number | undefined
}

/** The most targets that the home may have, and one person. */
const HOME_MAX = 20
const PERSONAL_MAX = 3

/** Manages targets: owners see and change those of the home, everyone their own. Changing where events are sent
 * requires the password. */
export const targetService = (deps: Dependencies) => {
  const { db, clock, kinds, channels, auditIn, record, checkPassword, actingRole, wake } = deps

  const requirePassword = async (by: Asker, password: string | undefined): Promise<void> => {
    if (by === COMMAND_LINE) return
    const account = accountOf(by)
    if (!account || password === undefined)
      throw new AppError('forbidden', PASSWORD_NEEDED, { reason: 'password_required' })
    const { username, publicId } = account
    const confirmed = await checkPassword({ username, password }, by)
    if (confirmed?.publicId !== publicId)
      throw new AppError('forbidden', 'Wrong password', { reason: 'wrong_password' })
  }

  const requireTarget = async (
    queries: Parameters<typeof targetsIn>[0],
    by: Asker,
    id: string,
    role?: Role,
  ): Promise<StoredTarget> => {
    const target = await targetsIn(queries).find(id)
    if (!target || !mayUse(target, by, role)) throw new AppError('not_found', NO_SUCH_TARGET)
    return target
  }

  /** Runs `work` in a transaction, with a target that the caller may change as things are now. */
  const onTarget = <Result>(
    by: Asker,
    id: string,
    work: (tx: Transaction, target: StoredTarget) => Promise<Result>,
  ): Promise<Result> =>
    db.transaction(async (tx) => {
      const role = await actingRole(tx, by)
      if (!role) throw new AppError('not_found', NO_SUCH_TARGET)
      return work(tx, await requireTarget(tx, by, id, role))
    })

  const note = (
    tx: Transaction,
    by: Asker,
    event: Pick<AuditEvent, 'action' | 'subject' | 'detail'>,
  ): Promise<void> => auditIn(tx).record(by, { ...event, result: 'success' })

  const shown = async (
    target: StoredTarget,
    by: Asker,
    summaries?: ReadonlyMap<string, Summary>,
  ): Promise<ShownTarget> => ({
    target,
    says: await rulesInWords(deps, target),
    summary: (summaries ?? (await deliveriesIn(db).summaries())).get(target.id),
    showsAnswers: isOwner(by),
  })

  return {
    /** Returns the targets that the caller may see. */
    all: async (by: Asker): Promise<readonly ShownTarget[]> => {
      const targets = await targetsIn(db).all()
      const summaries = await deliveriesIn(db).summaries()
      const seen = targets.filter((target) => mayUse(target, by))
      return Promise.all(seen.map((target) => shown(target, by, summaries)))
    },

    /** Returns the targets of an account, for its export. */
    ofAccount: async (publicId: string): Promise<readonly ShownTarget[]> => {
      const own = (await targetsIn(db).all()).filter((one) => one.accountPublicId === publicId)
      return Promise.all(
        own.map(async (target) => ({
          target,
          says: await rulesInWords(deps, target),
          summary: undefined,
          showsAnswers: false,
        })),
      )
    },

    /** Returns the kinds of targets that the caller may add for the home, and for themselves. */
    kindsFor: ({ account }: By) => {
      const names = isNewcomer(account)
        ? []
        : Object.keys(kinds).filter((name) => !kinds[name]?.isOff)
      return {
        home: hasRole(account, 'owner') ? names : [],
        personal: names.filter((name) => kinds[name]?.isPersonal),
      }
    },

    /** Throws `not_found`. */
    find: async (by: Asker, id: string): Promise<ShownTarget> =>
      shown(await requireTarget(db, by, id), by),

    /** Adds a target. Returns it, and a new secret if one was created. Throws `forbidden` for a wrong password, if a
     * member adds a target of the home, or one with an address that no target of the home has; `invalid`; and
     * `conflict` if there are too many. */
    add: async (
      by: Asker,
      { kind, name, personal, password, ...given }: NewTarget,
    ): Promise<ShownTarget & { readonly secret: string | undefined }> => {
      const account = accountOf(by)
      const mayAddForHome = isOwner(by)
      const isPersonal = account ? (personal ?? !mayAddForHome) : false
      const found = kindIn(kinds, kind)
      if ((account && isNewcomer(account)) || (!isPersonal && !mayAddForHome))
        throw new AppError('forbidden', OWNERS_ONLY)
      if (isPersonal && !found.isPersonal)
        throw new AppError('forbidden', HOMES_ONLY, { reason: 'home_only' })
      if (found.isOff) throw new AppError('conflict', NO_CHANNEL, { reason: 'kind_off' })
      await requirePassword(by, password)
      const { shown: secret, ...contents } = await found.accept(given)
      if (isPersonal && !mayAddForHome)
        await requireKnownDestination(db, found, { kind, settings: contents.settings })
      const rules = given.rules ?? found.rules
      requireRules(rules, isPersonal)
      const nowMs = clock.wallMs()
      const target: StoredTarget = {
        id: Bun.randomUUIDv7('hex', nowMs),
        kind,
        name,
        accountPublicId: account && isPersonal ? account.publicId : null,
        ...contents,
        rules,
        disabledWhy: undefined,
        failingSinceMs: undefined,
        version: 1,
        createdAtMs: nowMs,
      }
      await db.transaction(async (tx) => {
        const role = await actingRole(tx, by)
        if (!role || (!isPersonal && !hasRole({ role }, 'owner')))
          throw new AppError('forbidden', OWNERS_ONLY)
        const max = isPersonal ? PERSONAL_MAX : HOME_MAX
        if ((await targetsIn(tx).count(target.accountPublicId)) >= max)
          throw new AppError('conflict', TOO_MANY, { reason: 'too_many_targets' })
        await targetsIn(tx).put(target)
        await note(tx, by, { action: 'target.add', subject: target.id, detail: { kind } })
      })
      wake()
      return { ...(await shown(target, by)), secret }
    },

    /** Changes a target. Throws `not_found`; `precondition_failed` if it has another version; `forbidden` if it changes
     * where events are sent, without the password; and `invalid`. */
    change: async (
      by: Asker,
      id: string,
      { version, password, name, rules, state, ...given }: TargetChange,
    ): Promise<ShownTarget> => {
      const before = await requireTarget(db, by, id)
      const isMoved = given.settings !== undefined || given.secrets !== undefined
      if (isMoved) await requirePassword(by, password)
      const contents = isMoved ? await kindIn(kinds, before.kind).accept(given, before) : before
      const isPersonal = before.accountPublicId !== null
      if (isMoved && isPersonal && !isOwner(by))
        await requireKnownDestination(db, kindIn(kinds, before.kind), {
          kind: before.kind,
          settings: contents.settings,
        })
      if (rules) requireRules(rules, isPersonal)
      const changed = await onTarget(by, id, async (tx, target) => {
        requireVersion(version ?? (isMoved ? before.version : undefined), target.version)
        const next: StoredTarget = {
          ...target,
          ...(isMoved ? { settings: contents.settings, secrets: contents.secrets } : {}),
          name: name ?? target.name,
          rules: rules ?? target.rules,
          ...(state === 'enabled' ? { disabledWhy: undefined, failingSinceMs: undefined } : {}),
          ...(state === 'disabled' ? { disabledWhy: target.disabledWhy ?? 'person' } : {}),
          version: target.version + 1,
        }
        await targetsIn(tx).put(next)
        const fields = Object.entries({ name, rules, state, ...given })
        await note(tx, by, {
          action: 'target.change',
          subject: id,
          detail: {
            fields: fields.flatMap(([field, value]) => (value === undefined ? [] : field)).join(),
          },
        })
        return next
      })
      wake(id)
      return shown(changed, by)
    },

    /** Removes a target and its deliveries. Throws `not_found`, `precondition_failed`, and `conflict` for one that the
     * server itself added. */
    remove: (by: Asker, id: string, version: number | undefined): Promise<void> =>
      onTarget(by, id, async (tx, target) => {
        requireVersion(version, target.version)
        if (target.kind === BROKER) throw new AppError('conflict', OWN, { reason: 'server_target' })
        await targetsIn(tx).remove(id)
        await note(tx, by, { action: 'target.remove', subject: id, detail: { kind: target.kind } })
      }),

    /** Sends a test message to a target now. */
    test: async (by: Asker, id: string, signal: AbortSignal): Promise<SendResult> => {
      const target = await requireTarget(db, by, id)
      const channel = channels[target.kind]
      if (!channel) throw new AppError('conflict', NO_CHANNEL, { reason: 'kind_off' })
      const limited = AbortSignal.any([signal, AbortSignal.timeout(15 * SECOND_MS)])
      const sent = await channel.send(
        target,
        {
          id: `test-${crypto.randomUUID()}`,
          createdAtMs: clock.wallMs(),
          about: { event: 'test' },
        },
        limited,
      )
      const result = sent.status === 'delivered' ? 'success' : 'failure'
      await record(by, { action: 'target.test', result, subject: id })
      return isOwner(by) ? sent : { ...sent, answer: '' }
    },

    /** Replaces the secret of a target, and returns the new one. Throws `not_found`, `forbidden` for a wrong password,
     * and `conflict` if its kind has none to replace. */
    rotate: async (
      by: Asker,
      id: string,
      password?: string,
    ): Promise<ShownTarget & { readonly secret: string }> => {
      await requireTarget(db, by, id)
      await requirePassword(by, password)
      let secret = ''
      const changed = await onTarget(by, id, async (tx, target) => {
        const rotated = kinds[target.kind]?.rotate?.(target)
        if (!rotated) throw new AppError('conflict', NO_SECRET, { reason: 'no_secret' })
        const { shown: made, ...contents } = rotated
        secret = made
        const next = { ...target, ...contents, version: target.version + 1 }
        await targetsIn(tx).put(next)
        await note(tx, by, { action: 'target.secret', subject: id })
        return next
      })
      return { ...(await shown(changed, by)), secret }
    },

    /** Returns a page of a target's deliveries, newest first. */
    deliveries: async (
      by: Asker,
      id: string,
      { before = Number.MAX_SAFE_INTEGER, limit = 50 }: { before?: number; limit?: number },
    ): Promise<{ readonly deliveries: readonly Delivery[]; readonly showsAnswers: boolean }> => {
      await requireTarget(db, by, id)
      return {
        deliveries: await deliveriesIn(db).page(id, before, limit),
        showsAnswers: isOwner(by),
      }
    },

    /** Sends deliveries again. Returns how many. Throws `not_found`. */
    replay: async (by: Asker, id: string, which: Replayed): Promise<number> => {
      const count = await onTarget(by, id, async (tx) => {
        const replayed = await deliveriesIn(tx).replay(id, which, clock.wallMs())
        await note(tx, by, { action: 'target.replay', subject: id, detail: { count: replayed } })
        return replayed
      })
      wake(id)
      return count
    },
  }
}

export const NO_SUCH_TARGET = 'There is no such target'
export const OWNERS_ONLY = 'Only an owner may add a target for the home'
const HOMES_ONLY = 'Only an owner may have a target of this kind'
const PASSWORD_NEEDED = 'Send your password too: this changes where events of the home are sent'
export const TOO_MANY = `There are already ${HOME_MAX} targets of the home, or ${PERSONAL_MAX} of your own`
export const OWN = 'The server adds this target as long as its setting is set; disable it instead'
export const NO_CHANNEL =
  'Targets of this kind are off: e-mail needs the setting SMTP_URL, and the broker MQTT_URL'
export const NO_SECRET = 'Targets of this kind have no secret to replace'
