import { Secret, TOTP } from 'otpauth'
import { PASSWORD, bearer, type clientOf } from './app.ts'

type Client = Pick<ReturnType<typeof clientOf>, 'post'>

export const STEP_MS = 30_000

/** What an authenticator app with this secret shows at that time. */
export const codeAt = (secret: string, atMs: number): string =>
  TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: atMs })

/** What it shows next: already valid, and not used up by `enrol`. */
export const nextCode = (secret: string, nowMs: number): string => codeAt(secret, nowMs + STEP_MS)

/** Turns on the second factor of a token's account with the current code. */
export const enrol = async ({ post }: Client, token: string, nowMs = Date.now()) => {
  const begun = await post('/v1/me/second-factor', { password: PASSWORD }, bearer(token))
  const { secret } = (await begun.json()) as { secret: string }
  const otp = codeAt(secret, nowMs)
  const confirmed = await post('/v1/me/second-factor/confirm', { otp }, bearer(token))
  const { recovery_codes: recoveryCodes } = (await confirmed.json()) as { recovery_codes: string[] }
  return { secret, recoveryCodes }
}
