import { jwt } from '@elysiajs/jwt'
import { BoundedMap } from '../../domain/bounded-map.ts'
import { type Clock, REPLICAS_APART_MS_MAX } from '../../domain/clock.ts'

/** What an access token contains: its account and its session. Never the role (ASVS 8.3.2). */
type TokenClaims = { readonly accountPublicId: string; readonly sessionId: string }

/** The claims of a valid token, and when it expires. */
type ValidToken = TokenClaims & { readonly expiresAtMs: number }

export type AccessTokens = {
  issue: (claims: TokenClaims) => Promise<string>
  /** Returns the claims of a token, or undefined if it is invalid in any way. */
  verify: (token: string) => Promise<ValidToken | undefined>
}

type Options = {
  readonly secret: string
  readonly lifetimeMs: number
  readonly clock: Pick<Clock, 'nonDecreasingMs' | 'isShared'>
}

const ISSUER = 'secure-lock-server'
const AUDIENCE = 'secure-lock-app'

/** The only header of our tokens; `kid`, `jku`, `jwk` and the like are refused unread. */
const BEGINNING = `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')}.`

/** Tokens remembered as verified; checking a signature again takes some 60 microseconds. */
const VERIFIED_MAX = 1000

/** Signs and verifies access tokens: JWT (RFC 7519), HS256, checked as RFC 8725 requires. */
export const accessTokens = ({ secret, lifetimeMs, clock }: Options): AccessTokens => {
  const now = clock.nonDecreasingMs
  const { jwt: signer } = jwt({
    secret,
    alg: 'HS256',
    typ: 'JWT',
    iss: ISSUER,
    aud: AUDIENCE,
  }).decorator
  const verified = new BoundedMap<string, VerifiedToken>(VERIFIED_MAX)

  const verifySignature = async (token: string): Promise<VerifiedToken | undefined> => {
    if (!isCanonical(token)) return undefined
    const payload = await signer.verify(token, {
      algorithms: ['HS256'],
      typ: 'JWT',
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'iat', 'jti', 'sub', 'sid'],
      currentDate: new Date(now()),
    })
    if (!payload) return undefined
    const { sub, exp, iat } = payload
    const sid: unknown = payload['sid']
    if (typeof sub !== 'string' || typeof sid !== 'string') return undefined
    if (!isTimestamp(exp) || !isTimestamp(iat)) return undefined
    return { accountPublicId: sub, sessionId: sid, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 }
  }

  /** Checked at every request, even for a token verified before: the clock may have jumped since. */
  const isTimely = ({ issuedAtMs, expiresAtMs }: VerifiedToken): boolean => {
    const nowMs = now()
    return (
      nowMs < expiresAtMs &&
      expiresAtMs <= nowMs + lifetimeMs + (clock.isShared ? REPLICAS_APART_MS_MAX : 0) &&
      // @elysiajs/jwt sets `iat` from the system's clock (not reported upstream as of 2026-11), which
      // may be ahead of `now`, and at another replica by any time.
      (clock.isShared || issuedAtMs <= Math.max(nowMs, Date.now()))
    )
  }

  return {
    issue: ({ accountPublicId, sessionId }) =>
      signer.sign({
        sub: accountPublicId,
        public_id: accountPublicId,
        sid: sessionId,
        jti: crypto.randomUUID(),
        exp: Math.floor((now() + lifetimeMs) / 1000),
      }),
    verify: async (token) => {
      if (!token.startsWith(BEGINNING)) return undefined
      const cached = verified.get(token)
      const known = cached ?? (await verifySignature(token))
      if (!known || !isTimely(known)) {
        verified.delete(token)
        return undefined
      }
      if (!cached) verified.set(token, known)
      return known
    },
  }
}

type VerifiedToken = ValidToken & { readonly issuedAtMs: number }

const isTimestamp = (claim: number | undefined): claim is number =>
  claim !== undefined && Number.isSafeInteger(claim) && claim > 0

/** Base64url spells some bytes in several ways; only the one that encoding returns is accepted. */
const isCanonical = (token: string): boolean =>
  token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
