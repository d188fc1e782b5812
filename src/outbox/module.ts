import type { Config } from '../config/config.ts'
import { homeZone } from '../config/home-zone.ts'
import type { Clock } from '../domain/clock.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import { type News, announcer } from './core/announce.ts'
import { targetsIn } from './core/target-store.ts'
import { unlockFactsReader } from './sending/facts.ts'
import { type Sender, sender } from './sending/sender.ts'
import type { Channels, TellingDependencies } from './sending/teller.ts'

type FactDependencies = Parameters<typeof unlockFactsReader>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Config
  readonly audit: { readonly auditIn: AuditIn }
  /** Further channels by the kind of target. */
  readonly channels: Channels
} & Pick<FactDependencies, 'findUnlock' | 'lockName' | 'nameOf'> &
  Pick<TellingDependencies, 'countWaiting'>

/** Tells the home's targets of events. Disposing stops that; what waits is told after the next start. */
export const outboxModule = (deps: Dependencies) => {
  const { db, clock, logger, config, audit, channels, countWaiting } = deps
  const zone = () => homeZone(config)
  const unlockFacts = unlockFactsReader({ ...deps, linkBase: linkBase(config) })
  const announceIn = announcer({ clock, zone })
  const outbox: Sender = sender({
    db,
    clock,
    logger,
    auditIn: audit.auditIn,
    channels,
    unlockFacts,
    countWaiting,
    onTold: () => {},
  })
  return {
    announceIn,

    /** Announces what happened outside a transaction. Never rejects. */
    announce: async (news: News): Promise<void> => {
      try {
        await db.transaction((tx) => announceIn(tx, news))
      } catch (error) {
        logger.warn({ err: error, event: news.event }, 'not announced')
      }
    },

    unlockFacts,
    start: outbox.start,
    onCommit: outbox.onCommit,
    wake: outbox.wake,

    /** Deletes the targets of an account in the transaction that erases it. */
    eraseIn: (tx: Parameters<typeof targetsIn>[0], publicId: string): Promise<void> =>
      targetsIn(tx).eraseAccount(publicId),

    [Symbol.asyncDispose]: outbox.stop,
  }
}
