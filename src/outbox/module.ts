import type { Config } from '../config/config.ts'
import { homeZone } from '../config/home-zone.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import type { TargetKind } from '../domain/home-event.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Logger } from '../http/log/logger.ts'
import { addressRules } from '../http/outgoing/target-address.ts'
import type { Database } from '../storage/database.ts'
import { type AuditIn, databaseOfLeader } from '../storage/unit-of-work.ts'
import { type News, announcer } from './core/announce.ts'
import { guestsIn } from './core/guest-store.ts'
import { targetsIn } from './core/target-store.ts'
import { unlockFactsReader } from './sending/facts.ts'
import { type Sender, sender } from './sending/sender.ts'
import type { Channels, DeliveryDependencies } from './sending/delivery-loop.ts'
import { targetJson } from './targets/json.ts'
import { targetHealth } from './targets/health.ts'
import { deliveryMetrics, attemptCounts } from './targets/metrics.ts'
import { targetRoutes } from './targets/routes.ts'
import { targetService } from './targets/service.ts'
import { webhooks } from './webhook/webhook.ts'

type TargetDependencies = Parameters<typeof targetService>[0]
type FactDependencies = Parameters<typeof unlockFactsReader>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Config
  readonly audit: { readonly auditIn: AuditIn; readonly record: RecordAuditEvent }
  readonly version: string
  /** More kinds of targets that people can add. */
  readonly kinds: Readonly<Record<string, TargetKind>>
  /** Channels for kinds of targets that the server itself adds. */
  readonly channels: Channels
} & Pick<FactDependencies, 'findUnlock' | 'lockName' | 'nameOf'> &
  Pick<DeliveryDependencies, 'countWaiting'> &
  Pick<TargetDependencies, 'checkPassword' | 'actingRole'>

/** Sends events to targets. Disposing it stops the sender; waiting deliveries are sent after the next start. */
export const outboxModule = (deps: Dependencies) => {
  const { db, clock, logger, config, audit, version, countWaiting } = deps
  const webhook = webhooks({
    clock,
    version,
    rules: addressRules(config),
  })
  const kinds: Readonly<Record<string, TargetKind>> = { webhook, ...deps.kinds }
  const channels = { ...channelsOf(kinds), ...deps.channels }
  const zone = () => homeZone(config)
  const unlockFacts = unlockFactsReader({ ...deps, linkBase: linkBase(config) })
  const announceIn = announcer({ clock, zone })
  const counts = attemptCounts()
  const outbox: Sender = sender({
    db: databaseOfLeader(db),
    clock,
    logger,
    auditIn: audit.auditIn,
    channels,
    unlockFacts,
    guestName: guestsIn(db).nameOf,
    countWaiting,
    onAttempt: counts.add,
  })
  const targets = targetService({
    db,
    clock,
    kinds,
    channels,
    auditIn: audit.auditIn,
    record: audit.record,
    checkPassword: deps.checkPassword,
    actingRole: deps.actingRole,
    lockName: deps.lockName,
    nameOf: deps.nameOf,
    wake: outbox.wake,
  })
  return {
    announceIn,
    health: targetHealth(db, clock),
    metrics: deliveryMetrics(db, counts),
    targets,
    routes: targetRoutes({ targets, kindWords: wordsOf(kinds) }),

    /** Announces an event in a transaction of its own. Never rejects. */
    announce: async (news: News): Promise<void> => {
      try {
        await db.transaction((tx) => announceIn(tx, news))
      } catch (error) {
        logger.warn({ err: error, event: news.event }, 'not announced')
      }
    },

    unlockFacts,
    start: outbox.start,
    /** Stops sending; `start` continues. */
    stop: outbox.stop,
    onCommit: outbox.onCommit,
    onForeignCommit: outbox.onForeignCommit,
    wake: outbox.wake,
    refresh: outbox.refresh,

    /** Yields the targets of an account, for its export. */
    targetsOf: async function* (publicId: string) {
      const own = await targets.ofAccount(publicId)
      if (own.length > 0) yield own.map(targetJson)
    },

    /** Deletes the targets of an account in the transaction that erases it. */
    eraseIn: (tx: Parameters<typeof targetsIn>[0], publicId: string): Promise<void> =>
      targetsIn(tx).eraseAccount(publicId),

    [Symbol.asyncDispose]: outbox.stop,
  }
}

const channelsOf = (kinds: Readonly<Record<string, TargetKind>>): Channels =>
  Object.fromEntries(Object.entries(kinds).map(([kind, { channel }]) => [kind, channel]))

const wordsOf = (kinds: Readonly<Record<string, TargetKind>>): string =>
  Object.entries(kinds)
    .map(([kind, { says }]) => `\`${kind}\` (${says})`)
    .join(', ')
