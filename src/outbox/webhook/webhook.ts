import type { LookupAddress } from 'node:dns'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { TargetKind } from '../../domain/home-event.ts'
import { AppError } from '../../errors.ts'
import { type AddressRules, acceptedUrl } from '../../http/outgoing/target-address.ts'
import { deliverByPost } from '../../http/outgoing/deliver.ts'
import { webhookBody } from './body.ts'
import { type WebhookSecrets, isSecret, newSecret, rotated, signatureHeaders } from './signature.ts'

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly version: string
  readonly rules: AddressRules
  /** Returns the addresses of a host name; the system’s resolver by default. */
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

/** Webhooks, as specified by Standard Webhooks (https://www.standardwebhooks.com). */
export const webhooks = ({ clock, version, ...network }: Dependencies): TargetKind => ({
  rules: [{ on: 'unlocked' }, { on: 'denied' }],
  channel: {
    retriesMs: RETRIES_MS,
    freshMs: undefined,
    send: ({ settings, secrets }, message, signal) => {
      const body = webhookBody(message)
      const timestampS = Math.floor(clock.wallMs() / 1000)
      const signed = { id: message.id, timestampS, body }
      return deliverByPost({
        ...network,
        nowMs: clock.wallMs(),
        url: String(settings['url']),
        headers: {
          'content-type': 'application/json',
          'user-agent': `secure-lock-server/${version}`,
          ...signatureHeaders(signed, secrets as WebhookSecrets),
        },
        body,
        signal,
      })
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
