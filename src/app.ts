import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import { version } from '../package.json'
import { guessStore, newestFailureMs } from './accounts/guess-store.ts'
import { guessService } from './accounts/guesses.ts'
import { passwordHasher } from './accounts/password-hasher.ts'
import { passwordPolicy } from './accounts/password-policy.ts'
import { accountRoutes } from './accounts/routes.ts'
import { accountService } from './accounts/service.ts'
import { sessionRoutes } from './accounts/session-routes.ts'
import { sessionStore } from './accounts/session-store.ts'
import { sessionService } from './accounts/sessions.ts'
import { accountStore } from './accounts/store.ts'
import { waitRoutes } from './accounts/wait-routes.ts'
import { securityRecorder } from './audit/service.ts'
import { auditStore } from './audit/store.ts'
import type { Config } from './config.ts'
import { AppError } from './errors.ts'
import { consoleRoutes } from './console/routes.ts'
import { tableRoutes } from './debug/routes.ts'
import { unlockTable, userTable } from './debug/tables.ts'
import { accessTokens } from './http/access-tokens.ts'
import { crossOrigin } from './http/cross-origin.ts'
import { endpointsOf } from './http/endpoints.ts'
import { errorAnswers } from './http/errors.ts'
import { bodyReader } from './http/json-body.ts'
import type { Log } from './http/log.ts'
import { openapiRoutes } from './http/openapi.ts'
import { requestLog } from './http/request-log.ts'
import { responseHeaders } from './http/response-headers.ts'
import { pacedClock, steadyClock } from './http/steady-clock.ts'
import { unmatchedRoutes } from './http/unmatched.ts'
import { healthRoutes } from './ops/routes.ts'
import { opsStore } from './ops/store.ts'
import { openDatabase } from './storage/open.ts'
import { makePrivateFolder, secretFile } from './storage/private-files.ts'
import { HEARTBEAT_SECONDS, liveUnlocks } from './unlocks/live.ts'
import { logClock } from './unlocks/log-clock.ts'
import { logRoutes } from './unlocks/log-routes.ts'
import { unlockReadRoutes } from './unlocks/read-routes.ts'
import { unlockReads } from './unlocks/read-store.ts'
import { unlockRoutes } from './unlocks/routes.ts'
import { type Round, retention } from './unlocks/retention.ts'
import { openUnlockLog } from './unlocks/service.ts'
import { logWatch } from './unlocks/watch.ts'
import type { NoteSigner } from './unlocks/signed-note.ts'
import { newSigningKey, parseSigningKey } from './unlocks/signing-key.ts'
import { unlockCounts } from './unlocks/stats-store.ts'
import { type UnlockStore, unlockStore } from './unlocks/store.ts'

type Dependencies = {
  readonly log: Log
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number
  /** Milliseconds that pass whatever becomes of the clock. */
  readonly monotonic?: () => number
  /** Silence after which a live stream sends a comment. */
  readonly heartbeatSeconds?: number
}

const DAY_MS = 86_400_000

export type App = Awaited<ReturnType<typeof openApp>>

/** Joins everything: settings -> database -> stores -> services -> routes. Throws AppError
 * `unavailable` where the data folder, a key or the database cannot be used. */
export const openApp = async (
  config: Config,
  {
    log: processLog,
    now = Date.now,
    monotonic = () => performance.now(),
    heartbeatSeconds = HEARTBEAT_SECONDS,
  }: Dependencies,
) => {
  const tokenLifetimeMs = config.accessTokenMinutes * 60_000

  makePrivateFolder(config.dataDir)
  const secret = config.jwtSecretKey || secretFile(join(config.dataDir, 'jwt-secret-key'))
  const db = openDatabase(config.databaseUri)
  const steady = steadyClock(now, monotonic)
  const people = accountStore(db, steady)
  const unlocks = unlockStore(db)
  const signer = await logSigner(config.dataDir, unlocks)
  const clock = logClock({ now, newestMs: await unlocks.newestReceivedAtMs() })
  const log = await openUnlockLog({ store: unlocks, signer, clock })
  const keeping = retention({
    days: config.logRetentionDays,
    clock,
    eraseBefore: log.eraseBefore,
    report: (round) => reportRound(round, processLog),
  })

  const reads = unlockReads(db)
  const live = liveUnlocks({ reads, log, heartbeatSeconds })

  const watch = logWatch({
    store: unlocks,
    key: signer.verifierKey,
    report: (verdict) => {
      if (!verdict.ok) processLog.error({ seq: verdict.seq, fault: verdict.fault }, 'log is broken')
      else processLog.info({ size: verdict.size }, 'log verified')
    },
  })

  const record = securityRecorder({ store: auditStore(db), log: processLog, now })
  const sessions = sessionService({
    store: sessionStore(db, steady, {
      // No session is over before the access token that began it.
      idleMs: Math.max(config.sessionIdleDays * DAY_MS, tokenLifetimeMs),
      maxMs: Math.max(config.sessionMaxDays * DAY_MS, tokenLifetimeMs),
    }),
    tokens: accessTokens({ secret, lifetimeMs: tokenLifetimeMs, now: steady }),
    record,
  })
  const paced = pacedClock(Math.max(now(), await newestFailureMs(db)), monotonic)
  const guesses = guessService({
    store: guessStore(db, paced),
    key: secretFile(join(config.dataDir, 'guess-key')),
    now: paced,
    day: now,
    record,
  })
  const accounts = accountService({
    store: people,
    // Two a core: Bun hashes one on each, and the next must not wait for the event loop.
    hasher: passwordHasher({ concurrency: 2 * navigator.hardwareConcurrency, waitingMax: 16 }),
    isWeak: passwordPolicy({
      minLength: config.passwordMinLength,
      useBlocklist: config.passwordBlocklist === 'on',
    }),
    sessions,
    guesses,
    record,
  })

  const readBody = bodyReader(config.bodyBytesMax)
  const endpoints = endpointsOf({
    trustedProxies: config.trustedProxies,
    limits: {
      auth: config.rateLimitAuth,
      unlock: config.rateLimitUnlock,
      default: config.rateLimitDefault,
    },
    authenticate: sessions.authenticate,
  })

  const routes = new Elysia({
    strictPath: true,
    nativeStaticResponse: false,
    // Else a path under a name of three letters or fewer, such as http://pi/, is cut wrongly.
    handler: { standardHostname: false },
  })
    .use(requestLog(processLog))
    .use(responseHeaders({ hasTls: config.tlsCertFile !== '' }))
    .use(errorAnswers(processLog))
    .use(crossOrigin(config.corsOrigins))
    .use(openapiRoutes(endpoints, version))
    .use(consoleRoutes({ endpoints, version }))
    .use(
      healthRoutes({
        endpoints,
        probeWrite: opsStore(db, now).probeWrite,
        logFault: () => {
          const verdict = watch.verdict()
          return verdict?.ok === false ? verdict.fault : undefined
        },
      }),
    )
    .use(
      accountRoutes({
        endpoints,
        readBody,
        accounts,
        isRegistrationOpen: config.registration === 'open',
        tokenLifetimeMs,
      }),
    )
    .use(
      sessionRoutes({
        endpoints,
        readBody,
        sessions,
        findAccount: people.findByPublicId,
        tokenLifetimeMs,
      }),
    )
    .use(waitRoutes({ endpoints, guesses, findAccount: people.findByPublicId }))
    .use(unlockRoutes({ endpoints, readBody, log, store: unlocks }))
    .use(unlockReadRoutes({ endpoints, log, reads, counts: unlockCounts(db), live, now }))
    .use(logRoutes({ endpoints, log, store: unlocks }))
    .use(
      tableRoutes({
        endpoints,
        isOpenLocally: config.debug,
        checkPassword: accounts.checkPassword,
        unlocks: unlockTable(unlocks.page),
        users: userTable(people.page),
      }),
    )
  const http = routes.use(unmatchedRoutes(endpoints, routes))

  const close = async () => {
    watch.stop()
    live.close()
    keeping.stop()
    await log.drained()
    await db.close()
  }
  return {
    http,
    people,
    accounts,
    sessions,
    record,
    log,
    live,
    watch,
    keeping,
    unlocks,
    verifierKey: signer.verifierKey,
    close,
  }
}

const reportRound = (round: Round, processLog: Log): void => {
  switch (round.outcome) {
    case 'erased': {
      const before = new Date(round.beforeMs).toISOString()
      return processLog.info({ events: round.events, before }, 'retention applied')
    }
    case 'waiting':
      return processLog.warn('retention waits for a clock that can be trusted')
    case 'failed':
      return processLog.error({ err: round.error }, 'retention failed')
  }
}

/** The key of the log, made with the log and never again: a new one would begin another log. */
const logSigner = async (dataDir: string, unlocks: UnlockStore): Promise<NoteSigner> => {
  const path = join(dataDir, 'log-signing-key')
  if ((await unlocks.head()) && !existsSync(path))
    throw new AppError(
      'unavailable',
      `The log's signing key is missing: restore ${path} from a backup`,
    )
  const signer = parseSigningKey(secretFile(path, newSigningKey))
  if (!signer) throw new AppError('unavailable', `The log's signing key in ${path} is damaged`)
  return signer
}
