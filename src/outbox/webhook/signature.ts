import { createHmac, randomBytes } from 'node:crypto'
import { DAY_MS } from '../../domain/duration.ts'

/** The secrets of a webhook. After a rotation, messages are signed with both until the earlier one expires. */
export type WebhookSecrets = {
  readonly secret: string
  readonly earlier?: { readonly secret: string; readonly untilMs: number }
}

/** How long the earlier secret stays valid. */
const OVERLAP_MS = DAY_MS

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** Returns a new secret in the format of Standard Webhooks. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64')

/** True for a secret of 24 to 64 bytes in the format of Standard Webhooks. */
export const isSecret = (text: string): boolean => {
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64')
  return text === PREFIX + bytes.toString('base64') && bytes.length >= 24 && bytes.length <= 64
}

/** Returns a new secret, with the current one as the earlier. */
export const rotated = ({ secret }: WebhookSecrets, nowMs: number): WebhookSecrets => ({
  secret: newSecret(),
  earlier: { secret, untilMs: nowMs + OVERLAP_MS },
})

/** A message to be signed. */
export type Signed = { readonly id: string; readonly timestampS: number; readonly body: string }

/** Returns the headers that prove who sent a message, and when (Standard Webhooks, version 1). */
export const signatureHeaders = (
  { id, timestampS, body }: Signed,
  { secret, earlier }: WebhookSecrets,
): Readonly<Record<string, string>> => {
  const secrets =
    earlier && timestampS * 1000 < earlier.untilMs ? [secret, earlier.secret] : [secret]
  const text = `${id}.${timestampS}.${body}`
  const signatures = secrets.map((one) => {
    const key = Buffer.from(one.slice(PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(text).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': signatures.join(' '),
  }
}
