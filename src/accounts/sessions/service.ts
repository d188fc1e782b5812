import { createHash, createHmac, randomBytes } from 'node:crypto'
import { type Account, type SignedIn, hasRole } from '../../domain/account.ts'
import type { Actor, AuditEvent, Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { AppError } from '../../errors.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { auditRefusals, requireActionable } from '../core/authorization.ts'
import type { EndClock } from '../core/end-date.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import type { AccessTokens } from './access-tokens.ts'
import { type SessionLife, findHolder, refreshTokensIn } from './refresh-token-store.ts'
import { type Session, type SessionStore, sessionsIn } from './store.ts'

export type Sessions = ReturnType<typeof sessionService>

/** What a client calls with, and what it gets the next pair with. */
export type Tokens = { readonly accessToken: string; readonly refreshToken: string }

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'transaction'>
  readonly store: SessionStore
  readonly tokens: AccessTokens
  readonly clock: EndClock
  readonly life: SessionLife
  /** Throws if the disk has no room for another session of this account. */
  readonly requireRoomFor: (account: Account) => void
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  /** Records events that anyone can cause without limit. */
  readonly recordCoalesced: RecordAuditEvent
  /** Revokes all access tokens of an account, in a transaction. */
  readonly revokeTokensIn: (tx: Queries, by: Actor, publicId: string) => Promise<unknown>
}

/** Whose sessions someone asks for. */
type Request = { readonly by: Caller; readonly publicId: string }

/** The sessions of an account to end: all, except one that may be kept. */
type Ending = {
  readonly by: Actor
  readonly account: Pick<Account, 'id' | 'publicId'>
  readonly keptId?: string | undefined
}

/** Returns how long sessions last by the settings, but never less than their first access token. */
export const sessionLife = (
  { idleMs, maxMs }: SessionLife,
  tokenLifetimeMs: number,
): SessionLife => ({
  idleMs: Math.max(idleMs, tokenLifetimeMs),
  maxMs: Math.max(maxMs, tokenLifetimeMs),
})

const sessionEnded = () => new AppError('unauthorized', 'This session has ended; log in again')

/** The rules of sessions: how they begin, continue and end. */
export const sessionService = (deps: Dependencies) => {
  const { db, store, tokens, clock, life, requireRoomFor, auditIn, record, recordCoalesced } = deps

  const tokensOf = async (
    { account, sessionId }: SignedIn,
    refreshToken: string,
  ): Promise<Tokens> => ({
    accessToken: await tokens.issue({ accountPublicId: account.publicId, sessionId }),
    refreshToken,
  })

  const unknownToken = async (from: Origin): Promise<AppError> => {
    await recordCoalesced(from, { action: 'session.refresh', result: 'failure' })
    return sessionEnded()
  }

  /** Ends sessions within another transaction; returns their number. */
  const endAllIn = async (
    tx: Pick<Queries, 'get' | 'run'>,
    { by, account: { id, publicId: subject }, keptId }: Ending,
  ): Promise<number> => {
    const sessions = await sessionsIn(tx).endAll(id, keptId)
    const event = { action: 'session.end_all', subject, detail: { sessions } } as const
    await auditIn(tx).record(by, { ...event, result: 'success' })
    return sessions
  }

  return {
    /** Begins a session and records the login. Returns undefined if the account may no longer log
     * in, or all of its sessions were ended since its password was read. */
    begin: async (
      { sessionEpoch, ...account }: AuthenticatedAccount,
      from: Origin,
      how: AuditEvent['detail'] = {},
    ): Promise<Tokens | undefined> => {
      requireRoomFor(account)
      const refreshToken = randomBytes(REFRESH_TOKEN_BYTES).toString('base64url')
      const tokenHash = sha256(refreshToken)
      const sessionId = await db.transaction(async (tx) => {
        const begun = { account: { id: account.id, sessionEpoch }, place: from, tokenHash }
        const session = await refreshTokensIn(tx, { clock, life }).begin(begun)
        if (session === undefined) return undefined
        const event = { action: 'login', detail: { session, ...how } } as const
        await auditIn(tx).record({ ...from, account }, { ...event, result: 'success' })
        return session
      })
      return sessionId === undefined ? undefined : tokensOf({ account, sessionId }, refreshToken)
    },

    /** Exchanges a refresh token for the next pair of tokens. A second use ends the session, since
     * one of the two holders is a thief (RFC 9700 4.14). */
    refresh: async (refreshToken: string, from: Origin): Promise<Tokens> => {
      const tokenHash = sha256(refreshToken)
      // What is made up must not keep others from the one writer.
      if (!(await store.hasRefreshToken(tokenHash))) throw await unknownToken(from)
      const rotation = await db.transaction(async (tx) => {
        const rotated = await refreshTokensIn(tx, { clock, life }).rotate(tokenHash, {
          place: from,
          successorHash: (salt) => sha256(successor(refreshToken, salt)),
        })
        if (rotated.outcome === 'rotated') requireRoomFor(rotated.session.account)
        if (rotated.outcome === 'reused') {
          const { account, sessionId: session } = rotated.session
          const event = { action: 'session.reuse', subject: account.publicId } as const
          await auditIn(tx).record(from, { ...event, result: 'failure', detail: { session } })
        }
        return rotated
      })
      if (rotation.outcome === 'rotated' || rotation.outcome === 'repeated')
        return tokensOf(rotation.session, successor(refreshToken, rotation.salt))
      throw rotation.outcome === 'unknown' ? await unknownToken(from) : sessionEnded()
    },

    /** Returns the public id of the admitted account that a refresh token may still be used for,
     * without using it up. */
    holderOf: async (refreshToken: string): Promise<string | undefined> => {
      const account = await findHolder(db, sha256(refreshToken), clock)
      return account?.admitted ? account.publicId : undefined
    },

    /** Returns the account of a valid access token, with its current role in the database. */
    authenticate: async (
      token: string,
    ): Promise<(SignedIn & { readonly expiresAtMs: number }) | undefined> => {
      const claims = await tokens.verify(token)
      if (!claims) return undefined
      const { accountPublicId, sessionId, expiresAtMs } = claims
      const account = await store.findAccount(sessionId, accountPublicId)
      return account && { account, sessionId, expiresAtMs }
    },

    /** Returns an enabled account as it is now, or undefined if its session has ended; without one,
     * such as with a password sent with the request, the account alone counts. */
    find: async ({
      publicId,
      sessionId,
    }: {
      readonly publicId: string
      readonly sessionId: string | undefined
    }): Promise<Account | undefined> => {
      if (sessionId !== undefined) return store.findAccount(sessionId, publicId)
      const found = await store.findOwner(publicId)
      return found?.isDisabled === false ? found.account : undefined
    },

    /** Returns the account of a token that this server issued and that has not expired, but that no
     * longer authenticates: its session has ended, or the account is disabled or has ended. */
    refusedAccount: async (
      token: string,
    ): Promise<{ readonly account: Account; readonly isDisabled: boolean } | undefined> => {
      const claims = await tokens.verify(token)
      return claims && store.findOwner(claims.accountPublicId)
    },

    list: (accountId: number): Promise<readonly Session[]> => store.list(accountId),

    /** Returns the sessions of an account, with their addresses and devices: the caller's own or, for
     * admins, anyone's but an owner's. Throws `not_found` or `forbidden`. */
    listOf: ({ by, publicId }: Request): Promise<readonly Session[]> => {
      const event = { action: 'access.deny', subject: publicId } as const
      return auditRefusals({ record: recordCoalesced, by, event }, async () =>
        store.list((await target(db, { by, publicId })).id),
      )
    },

    /** Ends one session: the caller's own or, for admins, anyone's but an owner's. Throws `not_found`
     * or `forbidden`. */
    end: async (by: Caller, session: string): Promise<void> => {
      const publicId = await store.publicIdOf(session)
      if (publicId === undefined || !maySee(by, publicId))
        throw new AppError('not_found', 'No such session')
      const event = { action: 'session.end', subject: publicId } as const
      await auditRefusals({ record, by, event }, () =>
        db.transaction(async (tx) => {
          const { id } = await target(tx, { by, publicId })
          if (!(await sessionsIn(tx).end(session, id)))
            throw new AppError('not_found', 'No such session')
          await auditIn(tx).record(by, { ...event, result: 'success', detail: { session } })
        }),
      )
    },

    /** Ends all sessions of an account, except one that may be kept, and revokes its access tokens if
     * that is wanted; returns the number of sessions. The caller's own or, for admins, anyone's but an
     * owner's. Throws `not_found` or `forbidden`. */
    endAll: ({
      keptId,
      withTokens = false,
      ...request
    }: Request & Pick<Ending, 'keptId'> & { readonly withTokens?: boolean }): Promise<number> => {
      const { by, publicId: subject } = request
      return auditRefusals({ record, by, event: { action: 'session.end_all', subject } }, () =>
        db.transaction(async (tx) => {
          const account = await target(tx, request)
          if (withTokens) await deps.revokeTokensIn(tx, by, account.publicId)
          return endAllIn(tx, { by, keptId, account })
        }),
      )
    },
    endAllIn,
  }
}

/** Returns the caller's own account, or the one that they act on. */
const target = async (
  tx: Pick<Queries, 'get'>,
  { by, publicId }: Request,
): Promise<Pick<Account, 'id' | 'publicId'>> => {
  const own = signedIn(by.account)
  if (own.publicId === publicId) return own
  if (!maySee(by, publicId)) throw new AppError('not_found', 'No such account')
  return requireActionable(tx, { by, publicId })
}

/** A member is not told whether anyone else's account or session exists. */
const maySee = ({ account }: Caller, publicId: string): boolean =>
  account?.publicId === publicId || hasRole(account, 'admin')

const REFRESH_TOKEN_BYTES = 32

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A successor is derived from the previous token and a salt: the database alone yields neither. */
const successor = (refreshToken: string, salt: Buffer): string =>
  createHmac('sha256', refreshToken).update(salt).digest('base64url')
