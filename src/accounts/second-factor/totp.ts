import { Secret, TOTP } from 'otpauth'

/** What every authenticator app supports; some use these whatever the URI says. */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const

/** As long as the hash, which RFC 4226 section 4 recommends. */
const SECRET_BYTES = 20

/** A code is valid one step early and one late, for clocks that differ and people who type
 * slowly. */
const WINDOW_STEPS = 1

const ISSUER = 'Secure Lock Server'

/** Returns a new secret for a phone and this service to share, 160 random bits. */
export const newTotpSecret = (): Uint8Array => new Secret({ size: SECRET_BYTES }).bytes

/** Returns a secret as people type it into an authenticator app: base32 (RFC 4648). */
export const totpSecretText = (secret: Uint8Array): string => secretOf(secret).base32

/** Returns a secret as authenticator apps scan it: an otpauth:// URI that names service and account. */
export const totpUri = (secret: Uint8Array, username: string): string =>
  new TOTP({
    ...PARAMETERS,
    issuer: ISSUER,
    label: username,
    secret: secretOf(secret),
  }).toString()

/** Returns the time step (RFC 6238 section 4) that a code belongs to, or undefined if it belongs to
 * none near `nowMs`. Compares in constant time. */
export const totpStep = (secret: Uint8Array, code: string, nowMs: number): number | undefined => {
  const delta = TOTP.validate({
    ...PARAMETERS,
    secret: secretOf(secret),
    token: code,
    timestamp: nowMs,
    window: WINDOW_STEPS,
  })
  return delta === null
    ? undefined
    : TOTP.counter({ period: PARAMETERS.period, timestamp: nowMs }) + delta
}

/** Copies the bytes, since small buffers share their memory with others. */
const secretOf = (bytes: Uint8Array): Secret =>
  new Secret({ buffer: Uint8Array.from(bytes).buffer })
