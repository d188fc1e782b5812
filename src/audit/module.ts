import type { AuditEvent, Origin, RecordAuditEvent } from '../domain/audit-event.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import type { Clock } from '../domain/clock.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import { accountAuditEvents } from './account-events-store.ts'
import { coalescingRecorder } from './coalescing.ts'
import { dailyRecorder } from './daily.ts'
import { guessedPasswords } from './guesses-store.ts'
import { auditRoutes } from './routes.ts'
import { auditRecorder } from './service.ts'
import { serviceLifecycle } from './service-lifecycle.ts'
import { strangerDays } from './stranger-days.ts'
import { type AuditStore, auditStore } from './store.ts'

type Dependencies = {
  readonly db: Database
  readonly disk: Pick<DiskSpace, 'isReserved' | 'keepsInMemory'>
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly logger: Logger
  /** Logs the audit events themselves; `logger` unless that is filtered. */
  readonly auditLogger: Logger
  readonly version: string
  /** The name of this replica, if it has one. */
  readonly instance: string | undefined
  /** Called after each audit event. */
  readonly onRecord: (event: AuditEvent) => void
}

export type AuditModule = {
  readonly routes: readonly Endpoint[]
  readonly store: AuditStore
  readonly record: RecordAuditEvent
  /** Records in a transaction, together with the change. */
  readonly auditIn: AuditIn
  /** Records events that anyone can cause without limit; see coalescing.ts. */
  readonly recordCoalesced: RecordAuditEvent
  /** Records a request that claims to be forwarded, from an untrusted peer. */
  readonly recordForwarded: (peer: Origin) => Promise<void>
  /** Records a request through a proxy that says nothing about its client. */
  readonly recordSilentProxy: (peer: Origin) => Promise<void>
  /** Records a state that lasts; see daily.ts. */
  readonly recordDaily: ReturnType<typeof dailyRecorder>
  /** Returns the audit events of an account, for its export. */
  readonly eventsOf: ReturnType<typeof accountAuditEvents>
  /** Returns whose passwords somebody guessed at since a time. */
  readonly guesses: ReturnType<typeof guessedPasswords>
  readonly eraseAddressesOf: AuditStore['eraseAddressesOf']
  readonly lifecycle: ReturnType<typeof serviceLifecycle>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Records and reads audit events. Disposing records the remaining repeats, so it must come before
 * the database is closed. */
export const auditModule = (deps: Dependencies): AuditModule => {
  const { db, disk, clock, logger, auditLogger, version, instance, onRecord } = deps
  const store = auditStore(db)
  const auditIn = auditRecorder({ store, logger: auditLogger, clock, onRecord })
  const recorder = auditIn(db)
  const mayStandAlone = strangerDays(clock)
  const coalescing = coalescingRecorder({
    record: recorder.record,
    mayStandAlone,
    keepsInMemory: disk.keepsInMemory,
    logger,
  })
  const { recordCoalesced } = coalescing
  const record: RecordAuditEvent = (from, event) =>
    event.result === 'failure' && (disk.isReserved() || !mayStandAlone(from, event))
      ? recordCoalesced(from, event)
      : recorder.record(from, event)
  const recordDaily = dailyRecorder({ record, logger, clock })
  return {
    routes: auditRoutes({ store }),
    store,
    record,
    auditIn,
    recordCoalesced,
    recordForwarded: (peer) =>
      recordCoalesced(peer, { action: 'proxy.untrusted', result: 'failure' }),
    recordSilentProxy: async (peer) => {
      await recordDaily(peer, { action: 'proxy.silent', result: 'failure' })
    },
    recordDaily,
    eventsOf: accountAuditEvents(db),
    guesses: guessedPasswords(db),
    eraseAddressesOf: store.eraseAddressesOf,
    lifecycle: serviceLifecycle({ store, record, auditIn, lastly: db.lastly, version, instance }),
    [Symbol.asyncDispose]: coalescing.close,
  }
}
