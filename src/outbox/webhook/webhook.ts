import type { LookupAddress } from 'node:dns'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { TargetKind, Told } from '../../domain/home-event.ts'
import { AppError } from '../../errors.ts'
import { webhookBody } from './body.ts'
import { post } from './post.ts'
import { type WebhookSecrets, isSecret, newSecret, rotated, signatureHeaders } from './signature.ts'
import { type AddressRules, acceptedUrl } from './target-address.ts'

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly version: string
  readonly rules: AddressRules
  /** Returns the addresses of a host name; the system's by default. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
}

/** The schedule of Svix, which Standard Webhooks names as an example. */
const RETRIES_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  10 * HOUR_MS,
]

/** Targets that are told by Standard Webhooks (https://www.standardwebhooks.com). */
export const webhooks = ({ clock, version, ...network }: Dependencies): TargetKind => ({
  rules: [{ on: 'unlocked' }, { on: 'denied' }],
  channel: {
    retriesMs: RETRIES_MS,
    freshMs: undefined,
    tell: async ({ settings, secrets }, message, signal): Promise<Told> => {
      const body = webhookBody(message)
      const timestampS = Math.floor(clock.wallMs() / 1000)
      const signed = { id: message.id, timestampS, body }
      try {
        const { status, retryAfter, text } = await post({
          ...network,
          url: String(settings['url']),
          headers: {
            'content-type': 'application/json',
            'user-agent': `secure-lock-server/${version}`,
            ...signatureHeaders(signed, secrets as WebhookSecrets),
          },
          body,
          signal,
        })
        const answer = text.replaceAll(/\p{Cc}+/gu, ' ').trim()
        if (status >= 200 && status < 300) return { status: 'delivered', code: status, answer }
        if (status === 410) return { status: 'gone', code: status, answer }
        const retryAfterMs =
          retryAfter === undefined ? undefined : waitOf(retryAfter, clock.wallMs())
        return {
          status: 'failed',
          code: status,
          answer,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        }
      } catch (error) {
        return { status: 'failed', answer: error instanceof Error ? error.message : 'It failed' }
      }
    },
  },
  says: '`settings` has the `url`; `secrets` may have a `secret` of your own, or one is made',
  isPersonal: false,
  accept: async ({ settings, secrets }, current) => {
    const url = acceptedUrl(settings?.['url'] ?? current?.settings['url'])
    const given = secrets?.['secret']
    if (given !== undefined && (typeof given !== 'string' || !isSecret(given)))
      throw new AppError('invalid', `Invalid secret: ${SECRET_WORDS}`, {
        fields: { secret: SECRET_WORDS },
      })
    if (given !== undefined) return { settings: { url }, secrets: { secret: given } }
    if (current) return { settings: { url }, secrets: current.secrets }
    const secret = newSecret()
    return { settings: { url }, secrets: { secret }, shown: secret }
  },
  destination: ({ url }) => new URL(String(url)).host,
  rotate: ({ settings, secrets }) => {
    const next = rotated(secrets as WebhookSecrets, clock.wallMs())
    return { settings, secrets: next, shown: next.secret }
  },
})

const SECRET_WORDS = '`whsec_` and 24 to 64 bytes in Base64'

/** Returns what `Retry-After` asks for (RFC 9110 section 10.2.3), in milliseconds. */
const waitOf = (text: string, nowMs: number): number | undefined => {
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND_MS
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : Math.max(0, ms - nowMs)
}
