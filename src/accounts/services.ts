import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { homeZone } from '../config/home-zone.ts'
import { ACCESS_TOKEN_PREFIX, type SignedIn, isAtLeast } from '../domain/account.ts'
import type { RecordAuditEvent } from '../domain/audit-event.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import { type Clock, monotonicEpochClock } from '../domain/clock.ts'
import { type Caller, requestAuthenticator } from '../http/authorization.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Logger } from '../http/log/logger.ts'
import type { PageSources } from '../http/request/page-source.ts'
import { sessionCookies } from '../http/request/session-cookie.ts'
import type { Database, Queries, Transaction } from '../storage/database.ts'
import type { DiskSpace } from '../storage/disk-space.ts'
import { KEY_FILES } from '../storage/files/data-dir.ts'
import { secretFile } from '../storage/files/private-files.ts'
import type { EndClock } from './core/end-date.ts'
import { newAccountService } from './core/new-account.ts'
import { accountStore } from './core/store.ts'
import { invitationService } from './invitations/service.ts'
import { lockoutService } from './lockout/service.ts'
import { newestFailureMs } from './lockout/store.ts'
import { authenticationService } from './login/service.ts'
import type { Pages, accountExport } from './me/export.ts'
import { type Argon2id, passwordHasher } from './passwords/hasher.ts'
import { passwordQueues } from './passwords/queues.ts'
import { passwordPolicy } from './passwords/policy.ts'
import { admission } from './people/admission.ts'
import { accountsEnding } from './people/ending-store.ts'
import { erasureStore } from './people/erasure-store.ts'
import { erasureService } from './people/erasure.ts'
import { revokeCredentialsIn } from './people/restore-store.ts'
import { accountAdministration } from './people/service.ts'
import { accountDirectory } from './people/store.ts'
import { firstOwnerService } from './registration/first-owner.ts'
import { settingService } from './registration/settings.ts'
import { waitingList } from './registration/waiting-list.ts'
import { secretSealer } from './second-factor/sealed-secret.ts'
import { secondFactorEnrolment } from './second-factor/enrolment.ts'
import { secondFactors } from './second-factor/service.ts'
import { secondFactorStore } from './second-factor/store.ts'
import { accessTokens } from './sessions/access-tokens.ts'
import { sessionLife, sessionService } from './sessions/service.ts'
import { sessionStore } from './sessions/store.ts'
import { accessTokenService } from './tokens/service.ts'
import { lastingTokens } from './tokens/store.ts'

type Lists = Parameters<typeof accountExport>[0]['lists']

export type Dependencies = {
  readonly db: Database
  readonly clock: Clock & EndClock
  readonly logger: Logger
  readonly config: Config
  readonly pages: Pick<PageSources, 'of'>
  readonly disk: DiskSpace
  /** Cost of new password hashes; by default, the safe one. */
  readonly argon2id?: Argon2id | undefined
  readonly audit: {
    readonly record: RecordAuditEvent
    readonly auditIn: AuditIn
    readonly recordCoalesced: RecordAuditEvent
    /** Returns the audit events of an account, for its export. */
    readonly eventsOf: Lists['audit']
    /** Removes the addresses of an account from audit events. */
    readonly eraseAddressesOf: (publicId: string) => Promise<unknown>
  }
  readonly access: Access
  /** Announces that somebody is waiting to be let in, in the transaction that registers them. */
  readonly announceWaitingIn: (tx: Transaction) => Promise<void>
  readonly unlocks: {
    readonly recordDenied: Parameters<typeof lockoutService>[0]['recordDenied']
    readonly clock: () => ReturnType<Parameters<typeof waitingList>[0]['clock']> & {
      /** The newest certain time of the log, or 0. */
      readonly newestMs: number
    }
    readonly accountUnlocks: Lists['unlocks']
    /** Removes an account's name from the unlock log. */
    readonly eraseAccount: (publicId: string) => Promise<unknown>
    /** Finishes what erasing names left to a daily round. */
    readonly finishErasures: () => Promise<unknown>
  }
}

/** What an account may open, from another module. */
type Access = {
  /** Revokes and blanks everything that an account was granted, and deletes its targets, in the
   * transaction that erases it. */
  readonly eraseIn: (tx: Transaction, publicId: string) => Promise<void>
  /** Removes what an account tried to open. */
  readonly eraseAttemptsOf: (publicId: string) => Promise<unknown>
  /** What was granted to an account, and what it tried to open, for its export. */
  readonly grantsOf: Pages
  readonly attemptsOf: Pages
  /** Yields the slots of an account, for its export. */
  readonly slotsOf: Pages
  /** Yields the targets of an account, for its export. */
  readonly targetsOf: Pages
}

export type Services = Awaited<ReturnType<typeof openServices>>

/** Creates the account services. Throws `unavailable` if a key cannot be read. */
export const openServices = async (deps: Dependencies) => {
  const login = await openLogin(deps)
  return { ...login, ...peopleServices(deps, login) }
}

/** The recording functions of the audit module, and nothing else of it. */
export const recording = ({ record, auditIn, recordCoalesced }: Dependencies['audit']) => ({
  record,
  auditIn,
  recordCoalesced,
})

/** What it takes to log in: passwords, second factors, lockouts and sessions. */
const openLogin = async (deps: Dependencies) => {
  const { db, clock, logger, config, disk, pages, audit, unlocks, argon2id } = deps
  const keyOf = (name: keyof typeof KEY_FILES) => secretFile(join(config.dataDir, KEY_FILES[name]))
  const store = accountStore(db)
  const life = sessionLife(
    { idleMs: config.sessionIdleMs, maxMs: config.sessionMaxMs },
    config.accessTokenMs,
  )
  const secret = config.jwtSecretKey ?? keyOf('tokens')
  const sessions = sessionService({
    db,
    store: sessionStore(db, clock),
    tokens: accessTokens({ secret, lifetimeMs: config.accessTokenMs, clock }),
    clock,
    life,
    requireRoomFor: disk.requireRoomFor,
    // Access tokens are opened after logging in, since making one needs a password.
    revokeTokensIn: (tx, by, publicId) => tokens.revokeAllIn(tx, by, publicId),
    ...recording(audit),
  })
  const newestMs = Math.max(clock.wallMs(), await newestFailureMs(db))
  const lockout = lockoutService({
    db,
    key: keyOf('lockout'),
    // Replicas have the same lockouts.
    nowMs: clock.isShared
      ? clock.nonDecreasingMs
      : monotonicEpochClock(newestMs, clock.monotonicMs),
    clock,
    keepsInMemory: disk.keepsInMemory,
    ...recording(audit),
    recordDenied: unlocks.recordDenied,
  })
  const factorStore = secondFactorStore(db)
  const sealer = secretSealer(keyOf('secondFactors'))
  const isRequired = config.secondFactor === 'required'
  const factors = secondFactors({ db, store: factorStore, sealer, isRequired, clock })
  const hasher = passwordHasher(argon2id)
  const passwords = passwordQueues(navigator.hardwareConcurrency)
  const authentication = authenticationService({
    store,
    hasher,
    inTurn: passwords.inTurn,
    sessions,
    secondFactors: factors,
    lockout,
    clock,
    zone: () => homeZone(config),
    ...recording(audit),
  })
  const { checkPassword } = authentication
  const tokens = accessTokenService({
    db,
    clock,
    checkPassword,
    ...recording(audit),
    report: (error) => logger.warn({ err: error }, 'use of an access token not stored'),
  })
  const enrolling = { db, store: factorStore, sealer, factors, checkPassword, sessions }
  const withStanding = async <Found extends SignedIn>(signedIn: Found | undefined) =>
    signedIn && { ...signedIn, account: await factors.standing(signedIn.account) }
  const cookies = sessionCookies({ hasTls: config.tlsCertFile !== undefined, pages })
  return {
    store,
    hasher,
    inTurn: passwords.inTurn,
    passwordLoad: passwords.load,
    sessions,
    sessionLife: life,
    tokens,
    lockout,
    authentication,
    enrolment: secondFactorEnrolment({ ...enrolling, ...recording(audit) }),
    cookies,
    stillHolds: async ({ account, sessionId, token }: Caller): Promise<boolean> => {
      if (!account) return true
      const found = token
        ? await tokens.findAccount(token.id)
        : await sessions.find({ publicId: account.publicId, sessionId })
      return found !== undefined && isAtLeast((await factors.standing(found)).role, account.role)
    },
    /** Returns the account of a genuine token, of either kind, that is no longer accepted. */
    refusedAccount: (token: string) =>
      token.startsWith(ACCESS_TOKEN_PREFIX)
        ? tokens.refusedAccount(token)
        : sessions.refusedAccount(token),
    authenticateRequest: requestAuthenticator({
      readCookie: (request) => cookies.read(request, 'access'),
      authenticate: async (token) => withStanding(await sessions.authenticate(token)),
      authenticateAccessToken: async (token) => withStanding(await tokens.authenticate(token)),
    }),
  }
}

/** Each leaves an audit event for good. */
const INVITATIONS_PER_DAY_MAX = 500

type Login = Awaited<ReturnType<typeof openLogin>>

/** How accounts are created, changed and erased. */
const peopleServices = (deps: Dependencies, { store, hasher, inTurn, sessions }: Login) => {
  const { db, clock, config, logger, audit, access, unlocks } = deps
  const recorders = recording(audit)
  const policy = passwordPolicy({
    minLength: config.passwordMinLength,
    useBlocklist: config.passwordBlocklist === 'on',
  })
  const linkTo = (fragment: string) => `${linkBase(config)}/join#${fragment}`
  const newAccounts = newAccountService({
    db,
    accounts: store,
    hasher,
    inTurn,
    passwordPolicy: policy,
    clock,
    ...recorders,
  })
  const erasures = erasureService({
    store: erasureStore(db),
    // The unlock log last: it truncates the WAL when it is done.
    traces: [audit.eraseAddressesOf, access.eraseAttemptsOf, unlocks.eraseAccount],
    finishTraces: unlocks.finishErasures,
    eraseAccessIn: access.eraseIn,
    auditIn: audit.auditIn,
    clock,
    report: (error) => logger.error({ err: error }, 'erasure is not finished'),
  })
  const waiting = waitingList({
    db,
    max: config.waitingAccountsMax,
    // As the other bounds on registering.
    clientMax: config.rateLimitAuth.length === 0 ? Infinity : config.waitingAccountsClient,
    erasures,
    clock: unlocks.clock,
    record: audit.record,
    report: (error) => logger.error({ err: error }, 'old accounts still wait to be let in'),
  })
  return {
    passwordPolicy: policy,
    newAccounts,
    erasures,
    waitingList: waiting,
    firstOwner: firstOwnerService({ db, newAccounts, sessions, linkTo, clock, ...recorders }),
    invitations: invitationService({
      db,
      linkTo,
      // As the other bounds on changes.
      dailyMax: config.rateLimitChanges.length === 0 ? Infinity : INVITATIONS_PER_DAY_MAX,
      clock,
      ...recorders,
    }),
    settings: settingService({ db, config, auditIn: audit.auditIn }),
    administration: accountAdministration({ db, erasures, clock, ...recorders }),
    directory: accountDirectory(db, clock),
    accountsEnding: accountsEnding(db),
    lastingTokens: lastingTokens(db),
    admitIn: admission({ clock, ...recorders }),

    /** Revokes, in a transaction, the credentials that a restored database would revive: all but access
     * tokens with these ids. */
    revokeCredentialsIn: (tx: Queries, keptTokens: readonly string[]) =>
      revokeCredentialsIn(tx, clock, keptTokens),
  }
}
