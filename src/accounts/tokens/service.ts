import {
  type Account,
  type CallerToken,
  LOCK_SCOPES,
  type SignedIn,
  locksOf,
} from '../../domain/account.ts'
import type { Actor, RecordAuditEvent } from '../../domain/audit-event.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../http/authorization.ts'
import { tokenError } from '../../http/errors.ts'
import { clientKey } from '../../http/request/client-address.ts'
import type { Database, Queries } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { type AccountState, findAccountState } from '../core/account-state-store.ts'
import { auditRefusals, requireActionable } from '../core/authorization.ts'
import { type EndClock, hasEnded } from '../core/end-date.ts'
import type { Authentication } from '../login/service.ts'
import { accountTransaction } from '../people/account-transaction.ts'
import { accessTokenHash, newAccessToken } from './format.ts'
import { type AccessToken, type ListedToken, tokensIn } from './store.ts'

export type AccessTokenService = ReturnType<typeof accessTokenService>

type Dependencies = {
  readonly db: Database
  readonly clock: EndClock
  readonly checkPassword: Authentication['checkPassword']
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly recordCoalesced: RecordAuditEvent
  /** Called if a use could not be stored. */
  readonly report: (error: unknown) => void
}

/** The properties of a new token. */
export type Terms = Pick<AccessToken, 'name' | 'scopes'> & {
  /** Null for never. */
  readonly lifetimeMs: number | null
}

/** A new token, with its text, which cannot be read again. */
export type MadeToken = { readonly listed: ListedToken; readonly token: string }

type OwnCaller = Caller & { readonly account: Account }

/** The most valid tokens of an account. */
const TOKENS_MAX = 50

/** How many uses are remembered, so that each is stored once an hour. */
const USES_MAX = 2000

export const NO_SUCH_TOKEN = 'No such token'
export const TOO_MANY_TOKENS = `An account can have ${TOKENS_MAX} access tokens; revoke one first`
const NOT_ADMITTED = 'Somebody has to let you in first'

/** Manages access tokens, with which scripts and devices act for an account. What a token may do depends on that account
 * at each use, and is limited by the token's scopes. */
export const accessTokenService = (deps: Dependencies) => {
  const { db, clock, checkPassword, auditIn, record, recordCoalesced, report } = deps
  const uses = new BoundedMap<string, { readonly hourMs: number; readonly recordedMs: number }>(
    USES_MAX,
  )

  const isLive = (token: AccessToken | undefined): token is AccessToken =>
    token !== undefined && !token.isRevoked && !token.hasExpired

  /** Returns the account of a token unless it is disabled or has ended. */
  const openAccount = async (token: AccessToken): Promise<Account | undefined> => {
    const state = await findAccountState(db, token.accountPublicId)
    return state && !state.isDisabled && !hasEnded(state, clock) ? accountOf(state) : undefined
  }

  const makeIn = async (
    tx: Queries,
    by: Actor,
    { account, terms }: { readonly account: AccountState; readonly terms: Terms },
  ): Promise<MadeToken> => {
    const tokens = tokensIn(tx, clock)
    const { publicId: subject, username, admitted } = account
    if (!admitted) throw new AppError('forbidden', NOT_ADMITTED, { reason: 'not_admitted' })
    if ((await tokens.countLive(subject)) >= TOKENS_MAX)
      throw new AppError('conflict', TOO_MANY_TOKENS, { reason: 'too_many_tokens' })
    await tokens.removeOldest(subject)
    const token = newAccessToken()
    const hash = accessTokenHash(token)
    if (!hash) throw new Error('a new token is not well-formed')
    const { name, scopes, lifetimeMs } = terms
    const id = Bun.randomUUIDv7()
    const expiresAtMs = lifetimeMs === null ? null : clock.nonDecreasingMs() + lifetimeMs
    await tokens.add({ id, accountPublicId: subject, name, scopes, expiresAtMs, hash })
    await auditIn(tx).record(by, {
      action: 'token.make',
      result: 'success',
      subject,
      detail: {
        token: id,
        scopes: scopes.join(' '),
        expires: expiresAtMs === null ? 'never' : new Date(expiresAtMs).toISOString(),
      },
    })
    const made = await tokens.find(id)
    if (!made) throw new Error('a new token was not stored')
    return { listed: { ...made, username }, token }
  }

  /** Revokes a token. Somebody else's token is refused like an unknown one. */
  const revoke = async (
    by: Actor,
    id: string,
    mayRevoke: (tx: Queries, token: AccessToken) => Promise<boolean>,
  ): Promise<void> =>
    db.transaction(async (tx) => {
      const tokens = tokensIn(tx, clock)
      const token = await tokens.find(id)
      if (!token || !(await mayRevoke(tx, token)) || !(await tokens.revoke(id)))
        throw new AppError('not_found', NO_SUCH_TOKEN)
      await auditIn(tx).record(by, {
        action: 'token.revoke',
        result: 'success',
        subject: token.accountPublicId,
        detail: { token: id },
      })
    })

  /** Stores when and from where a token was used, and records an audit event if that is new. */
  const storeUse = async (caller: OwnCaller, token: CallerToken, isRecent: boolean) => {
    const { address, account } = caller
    const before = await tokensIn(db, clock).find(token.id)
    const atMs = hourOf(clock.nonDecreasingMs())
    await tokensIn(db, clock).setUsed(token.id, { atMs, from: address })
    const isKnown = before?.usedFrom && clientKey(before.usedFrom) === clientKey(address)
    if (isRecent || isKnown) return
    await recordCoalesced(caller, {
      action: 'token.use',
      result: 'success',
      subject: account.publicId,
      detail: { token: token.id },
    })
  }

  return {
    /** Creates a token for the caller. Throws `forbidden` for a wrong password, or if they have not been let in, and
     * `conflict` if they have too many. */
    make: (caller: OwnCaller, password: string, terms: Terms): Promise<MadeToken> => {
      const { username, publicId: subject } = caller.account
      return auditRefusals(
        { record, by: caller, event: { action: 'token.make', subject } },
        async () => {
          const confirmed = await checkPassword({ username, password }, caller)
          if (confirmed?.publicId !== subject)
            throw new AppError('forbidden', 'Wrong password', { reason: 'wrong_password' })
          return db.transaction(async (tx) => {
            const accounts = accountTransaction(tx, clock)
            const account = await accounts.find(subject)
            // It may have ended while the password was checked.
            if (!account || !(await accounts.hasSession(account.id, caller.sessionId ?? '')))
              throw tokenError()
            return makeIn(tx, caller, { account, terms })
          })
        },
      )
    },

    /** Creates a token for any account, on the command line. Throws `not_found`. */
    makeFor: (by: Actor, publicId: string, terms: Terms): Promise<MadeToken> =>
      db.transaction(async (tx) => {
        const account = await findAccountState(tx, publicId)
        if (!account) throw new AppError('not_found', 'No such account')
        return makeIn(tx, by, { account, terms })
      }),

    /** Returns the tokens of an account that are not revoked, newest first. */
    listOf: (publicId: string): Promise<readonly ListedToken[]> =>
      tokensIn(db, clock).listOf(publicId),

    /** Returns a page of everybody's; `next` is the cursor of the next page, if any. */
    page: async (cursor: string | undefined, limit: number) => {
      const found = await tokensIn(db, clock).page(cursor, limit + 1)
      const page = found.slice(0, limit)
      return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
    },

    /** Revokes one of the caller's own. Throws `not_found`. */
    revokeOwn: (caller: OwnCaller, id: string): Promise<void> =>
      revoke(caller, id, async (_, token) => token.accountPublicId === caller.account.publicId),

    /** Revokes anyone's, for owners and the command line. Throws `not_found` or `forbidden`. */
    revokeAnyones: (by: Actor, id: string): Promise<void> =>
      revoke(by, id, async (tx, { accountPublicId: publicId }) => {
        if (by.account?.publicId !== publicId) await requireActionable(tx, { by, publicId })
        return true
      }),

    /** Revokes all tokens of an account, in the transaction that ends its sessions; returns how many. */
    revokeAllIn: async (tx: Queries, by: Actor, subject: string): Promise<number> => {
      const revoked = await tokensIn(tx, clock).revokeAll(subject)
      if (revoked > 0)
        await auditIn(tx).record(by, {
          action: 'token.revoke',
          result: 'success',
          subject,
          detail: { tokens: revoked },
        })
      return revoked
    },

    /** Returns the account that a token acts for, as it is now, or undefined if the token is not valid. Text that
     * cannot be a token costs no read of the database. */
    authenticate: async (
      text: string,
    ): Promise<(SignedIn & { readonly expiresAtMs: number }) | undefined> => {
      const hash = accessTokenHash(text)
      const found = hash && (await tokensIn(db, clock).findByHash(hash))
      if (!isLive(found)) return undefined
      const account = await openAccount(found)
      if (!account) return undefined
      const { id, name, scopes, expiresAtMs } = found
      return {
        account,
        sessionId: `token:${id}`,
        token: { id, name, scopes },
        expiresAtMs: expiresAtMs ?? Number.MAX_SAFE_INTEGER,
      }
    },

    /** Returns the account that a token acts for, or undefined once either has ended. */
    findAccount: async (id: string): Promise<Account | undefined> => {
      const token = await tokensIn(db, clock).find(id)
      return isLive(token) ? openAccount(token) : undefined
    },

    /** Returns the account of a token that could open a lock, or record that, and no longer can: it was revoked, or its
     * account is disabled or has ended. */
    refusedAccount: async (
      text: string,
    ): Promise<{ readonly account: Account; readonly isDisabled: boolean } | undefined> => {
      const hash = accessTokenHash(text)
      const found = hash && (await tokensIn(db, clock).findByHash(hash))
      if (!found || found.hasExpired || !opensLocks(found)) return undefined
      const state = await findAccountState(db, found.accountPublicId)
      return (
        state && {
          account: accountOf(state),
          isDisabled: state.isDisabled || hasEnded(state, clock),
        }
      )
    },

    /** Stores the hour in which a token was used, without delaying the request. The first use from a client is
     * recorded as an audit event, once a day at most. */
    noteUse: (caller: Caller): void => {
      const { account, token, address } = caller
      if (!account || !token) return
      const key = `${token.id} ${clientKey(address)}`
      const nowMs = clock.nonDecreasingMs()
      const last = uses.get(key)
      if (last?.hourMs === hourOf(nowMs)) return
      const isRecent = last !== undefined && nowMs - last.recordedMs < DAY_MS
      uses.set(key, { hourMs: hourOf(nowMs), recordedMs: isRecent ? last.recordedMs : nowMs })
      // A full disk must not keep a script from reading.
      void storeUse({ ...caller, account }, token, isRecent).catch(report)
    },
  }
}

const opensLocks = (token: AccessToken): boolean =>
  LOCK_SCOPES.some((scope) => locksOf(token, scope).length > 0)

const hourOf = (ms: number): number => ms - (ms % HOUR_MS)

const accountOf = ({ id, publicId, username, role, admitted }: AccountState): Account => ({
  id,
  publicId,
  username,
  role,
  admitted,
})
