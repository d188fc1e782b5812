import type { Config } from '../config/config.ts'
import type { Actor, RecordAuditEvent } from '../domain/audit-event.ts'
import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { PageSources } from '../http/request/page-source.ts'
import { sessionCookies } from '../http/request/session-cookie.ts'
import type { Database, Transaction } from '../storage/database.ts'
import type { AuditIn, RecordIn } from '../storage/unit-of-work.ts'
import type { GuestLocks } from './core/access.ts'
import { hashOfSecret, newSecret } from './core/secret.ts'
import { passesIn } from './core/store.ts'
import { visitRoutes } from './visit/routes.ts'
import { visitService } from './visit/service.ts'
import { guestViews } from './visit/view.ts'

type Visits = Parameters<typeof visitService>[0]

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly config: Pick<Config, 'host' | 'port' | 'publicUrl' | 'tlsCertFile'>
  readonly audit: { readonly auditIn: AuditIn; readonly recordCoalesced: RecordAuditEvent }
  readonly recordIn: RecordIn
  readonly pages: Pick<PageSources, 'of'>
  readonly locks: GuestLocks
  readonly zone: () => string
  readonly nameOf: (publicId: string) => Promise<string | undefined>
} & Pick<Visits, 'announceIn'> &
  Pick<Parameters<typeof visitRoutes>[0], 'answers' | 'faults'>

/** How many passes a host may have that have neither ended nor been revoked. */
const PASSES_OF_HOST_MAX = 200

const TOO_MANY_PASSES = `There can be ${PASSES_OF_HOST_MAX} passes of one host; revoke some first`

/** Guests: people without an account, who open doors with the link that a host gave them. */
export const guestsModule = (deps: Dependencies) => {
  const { db, clock, config, audit, recordIn, pages, locks, zone, nameOf } = deps
  const { auditIn, recordCoalesced } = audit
  const now = (): number => clock.nonDecreasingMs()
  const linkTo = (code: string): string => `${linkBase(config)}/guest#pass=${code}`
  const views = guestViews({ db, locks, zone, nameOf })
  const visits = visitService({ ...deps, auditIn, recordCoalesced, recordIn, views })
  const cookies = sessionCookies({ hasTls: config.tlsCertFile !== undefined, pages })
  const routes: readonly Endpoint[] = [...visitRoutes({ ...deps, visits, cookies, nowMs: now })]
  return {
    routes,

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
  }
}
