import { createHash, createHmac, randomBytes } from 'node:crypto'
import { AppError } from '../../errors.ts'
import type { Account, SignedIn } from '../../domain/account.ts'
import type { Origin, RecordAuditEvent, AuditEvent } from '../../domain/audit-event.ts'
import type { Caller } from '../../http/authorization.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Queries } from '../../storage/database.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import type { Session, SessionStore } from './store.ts'

export type Sessions = ReturnType<typeof sessionService>

/** What a device is given to call with, and to get the next pair with. */
export type Tokens = { readonly accessToken: string; readonly refreshToken: string }

type Dependencies = {
  readonly store: SessionStore
  readonly tokens: AccessTokens
  readonly record: RecordAuditEvent
  /** Records what anybody can cause without end. */
  readonly recordCoalesced: RecordAuditEvent
}

/** The rules of sessions: how they begin, go on and end. */
export const sessionService = ({ store, tokens, record, recordCoalesced }: Dependencies) => {
  const tokensOf = async (
    { account, sessionId }: SignedIn,
    refreshToken: string,
  ): Promise<Tokens> => ({
    accessToken: await tokens.issue({ accountPublicId: account.publicId, sessionId }),
    refreshToken,
  })

  return {
    /** Begins a session and records the login; nothing where the account may not sign in any more, or
     * all of its sessions were ended since its password was read. */
    begin: async (
      { sessionEpoch, ...account }: AuthenticatedAccount,
      from: Origin,
      how: AuditEvent['detail'] = {},
    ): Promise<Tokens | undefined> => {
      const refreshToken = randomBytes(REFRESH_TOKEN_BYTES).toString('base64url')
      const sessionId = await store.begin(
        { id: account.id, sessionEpoch },
        {
          place: from,
          tokenHash: sha256(refreshToken),
          record: (session, tx) =>
            record(
              { ...from, account },
              { action: 'login', result: 'success', detail: { session, ...how } },
              tx,
            ),
        },
      )
      return sessionId ? tokensOf({ account, sessionId }, refreshToken) : undefined
    },

    /** Gives the next pair of tokens for a refresh token, which is void from then on. One that is
     * used again ends the session, since one of the two who hold it is a thief (RFC 9700 4.14). */
    refresh: async (refreshToken: string, from: Origin): Promise<Tokens> => {
      const rotation = await store.rotate(sha256(refreshToken), {
        place: from,
        successorHash: (salt) => sha256(successor(refreshToken, salt)),
        recordReuse: ({ account: { publicId: subject }, sessionId: session }, tx) =>
          record(
            from,
            { action: 'session.reuse', result: 'failure', subject, detail: { session } },
            tx,
          ),
      })
      if (rotation.outcome === 'rotated' || rotation.outcome === 'repeated')
        return tokensOf(rotation.session, successor(refreshToken, rotation.salt))
      if (rotation.outcome === 'unknown')
        await recordCoalesced(from, { action: 'session.refresh', result: 'failure' })
      throw new AppError('unauthorized', 'This session is over; log in again')
    },

    /** Gives the account of a good access token, its role as the database has it now. */
    authenticate: async (
      token: string,
    ): Promise<(SignedIn & { readonly expiresAtMs: number }) | undefined> => {
      const claims = await tokens.verify(token)
      if (!claims) return undefined
      const { accountPublicId, sessionId, expiresAtMs } = claims
      const account = await store.findAccount(sessionId, accountPublicId)
      return account && { account, sessionId, expiresAtMs }
    },

    /** Gives the account of a token that was issued by this server, is in its time, and opens nothing
     * any more: its session is over, or the account disabled. */
    refusedAccount: async (
      token: string,
    ): Promise<{ readonly account: Account; readonly isDisabled: boolean } | undefined> => {
      const claims = await tokens.verify(token)
      return claims && store.findOwner(claims.accountPublicId)
    },

    list: (accountId: number): Promise<readonly Session[]> => store.list(accountId),

    /** Ends one session: the caller's own, or anybody's where `ofAnyone`. */
    end: async (caller: Caller, session: string, ofAnyone: boolean): Promise<void> => {
      const whose = await store.end(session, {
        accountId: ofAnyone ? undefined : caller.account?.id,
        record: (subject, tx) =>
          record(
            caller,
            { action: 'session.end', result: 'success', subject, detail: { session } },
            tx,
          ),
      })
      if (!whose) throw new AppError('not_found', 'No such session')
    },

    /** Ends all sessions of an account, but for one that may be kept, by itself or within another
     * transaction; gives their number. */
    endAll: (
      caller: Origin & { readonly account?: Account | undefined },
      { id, publicId: subject }: Pick<Account, 'id' | 'publicId'>,
      keptId?: string,
      within?: Pick<Queries, 'run'>,
    ): Promise<number> =>
      store.endAll(
        id,
        {
          keptId,
          record: (sessions, tx) =>
            record(
              caller,
              { action: 'session.end_all', result: 'success', subject, detail: { sessions } },
              tx,
            ),
        },
        within,
      ),
  }
}

const REFRESH_TOKEN_BYTES = 32

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A successor follows from the token before it and a salt: the database alone gives neither. */
const successor = (refreshToken: string, salt: Buffer): string =>
  createHmac('sha256', refreshToken).update(salt).digest('base64url')
