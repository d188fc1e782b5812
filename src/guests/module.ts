import type { Config } from '../config/config.ts'
import type { Actor, RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Logger } from '../http/log/logger.ts'
import type { PageSources } from '../http/request/page-source.ts'
import { sessionCookies } from '../http/request/session-cookie.ts'
import type { Database, Transaction } from '../storage/database.ts'
import type { AuditIn, RecordIn } from '../storage/unit-of-work.ts'
import type { GuestLocks } from './core/access.ts'
import { hashOfSecret, newSecret } from './core/secret.ts'
import { passesIn } from './core/store.ts'
import { guestErasure } from './erasure/service.ts'
import { hostRoutes } from './host/routes.ts'
import { hostService } from './host/service.ts'
import { visitRoutes } from './visit/routes.ts'
import { visitService } from './visit/service.ts'
import { guestViews } from './visit/view.ts'

type Visits = Parameters<typeof visitService>[0]
type Hosts = Parameters<typeof hostService>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: Pick<
    Config,
    | 'host'
    | 'port'
    | 'publicUrl'
    | 'tlsCertFile'
    | 'guestPasses'
    | 'guestKeepMs'
    | 'rateLimitChanges'
  >
  readonly audit: {
    readonly auditIn: AuditIn
    readonly record: RecordAuditEvent
    readonly recordCoalesced: RecordAuditEvent
  }
  readonly recordIn: RecordIn
  readonly pages: Pick<PageSources, 'of'>
  readonly locks: GuestLocks
  readonly zone: () => string
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  readonly answers: Parameters<typeof visitRoutes>[0]['answers'] &
    Parameters<typeof hostRoutes>[0]['answers']
} & Pick<Visits, 'announceIn' | 'openWindows'> &
  Pick<Hosts, 'actingRole' | 'unlocksOf' | 'shownLabel'> &
  Pick<Parameters<typeof guestErasure>[0], 'isClockDoubted' | 'eraseFromLog' | 'eraseGrantIn'> &
  Pick<Parameters<typeof visitRoutes>[0], 'faults'>

/** How many passes a host may have that have neither ended nor been revoked. */
const PASSES_OF_HOST_MAX = 200

const TOO_MANY_PASSES = `A host can have at most ${PASSES_OF_HOST_MAX} passes; revoke some first`

/** Guests: people without an account, who open doors with the link that a host gave them. */
export const guestsModule = (deps: Dependencies) => {
  const { db, clock, config, audit, recordIn, pages, locks, zone, nameOf } = deps
  const { auditIn, record, recordCoalesced } = audit
  const now = (): number => clock.nonDecreasingMs()
  const linkTo = (code: string): string => `${linkBase(config)}/guest#pass=${code}`
  const views = guestViews({ db, locks, zone, nameOf })
  const isLimited = config.rateLimitChanges.length > 0
  const visits = visitService({ ...deps, auditIn, recordCoalesced, recordIn, views, isLimited })
  const cookies = sessionCookies({ hasTls: config.tlsCertFile !== undefined, pages })
  const erasure = guestErasure({ ...deps, auditIn, keepMs: config.guestKeepMs })
  const isOpenToMembers = config.guestPasses === 'members'
  const hosts = hostService({ ...deps, auditIn, record, isOpenToMembers, linkTo, erasure })
  const routes: readonly Endpoint[] = [
    ...visitRoutes({ ...deps, visits, cookies, nowMs: now }),
    ...hostRoutes({ ...deps, hosts }),
  ]
  return {
    routes,
    hosts,
    erasure,

    /** Creates a pass in a transaction that has checked that `by` may do so; returns its id and its link, which cannot
     * be read again. Throws `conflict` if the host has too many. */
    makeIn: async (
      tx: Transaction,
      by: Actor,
      { label, devicesMax }: { readonly label: string; readonly devicesMax: number },
    ) => {
      const passes = passesIn(tx)
      const madeBy = by.account?.publicId ?? null
      if (madeBy !== null) {
        const live = await passes.countLive(madeBy, now(), PASSES_OF_HOST_MAX)
        if (live === PASSES_OF_HOST_MAX)
          throw new AppError('conflict', TOO_MANY_PASSES, { reason: 'too_many_grants' })
      }
      const [id, code] = [Bun.randomUUIDv7('hex', now()), newSecret()]
      const pass = { id, label, madeBy, devicesMax, createdAtMs: now() }
      await passes.add(pass, hashOfSecret(code))
      return { id, link: linkTo(code) }
    },

    /** Ends a pass, its link and its devices. */
    endIn: (tx: Transaction, id: string): Promise<void> => passesIn(tx).end(id, now()),

    [Symbol.dispose]: erasure.stop,
  }
}
