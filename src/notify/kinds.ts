import type { Clock } from '../domain/clock.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/duration.ts'
import { restOfHours } from '../domain/calendar/hours.ts'
import type { Channel, Hours, Target, TargetContents, TargetKind } from '../domain/home-event.ts'
import type { AddressRules } from '../http/outgoing/target-address.ts'
import { deliverByPost } from '../http/outgoing/deliver.ts'
import { type Fields, acceptedContents, quietHours } from './contents.ts'
import type { Service } from './services/service.ts'
import { notificationOf } from './words.ts'

export type KindDependencies = {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly version: string
  /** Which addresses requests may be sent to. */
  readonly rules: AddressRules
  /** The time zone of the home. */
  readonly zone: () => string
  /** The URL that links start with. */
  readonly linkBase: string
}

/** What all notifications share: quiet hours, a digest for messages older than 15 minutes, and retries until the target
 * is disabled after five days of failures. */
export const notifying = (
  { zone }: Pick<KindDependencies, 'zone'>,
  send: Channel['send'],
): Pick<TargetKind, 'channel' | 'rules'> => ({
  rules: [{ on: 'unlocked' }, { on: 'denied' }],
  channel: {
    send,
    retriesMs: RETRIES_MS,
    freshMs: 15 * MINUTE_MS,
    waitMs: ({ settings }, _, nowMs) => {
      const quiet = settings['quiet'] as Hours | undefined
      return quiet ? restOfHours(quiet, nowMs, zone) : 0
    },
  },
})

const RETRIES_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  ...Array.from({ length: 120 }, () => HOUR_MS),
]

/** Returns a function that merges a change: settings are replaced as a whole, secrets one by one. */
export const accepting =
  (fields: { readonly settings: Fields; readonly secrets: Fields }) =>
  (given: Partial<TargetContents>, current?: TargetContents): TargetContents => ({
    settings: acceptedContents(
      { ...fields.settings, quiet: quietHours },
      given.settings ?? current?.settings ?? {},
    ),
    secrets: acceptedContents(fields.secrets, { ...current?.secrets, ...given.secrets }),
  })

/** Returns the kind of target for a service. */
export const serviceKind = (service: Service, deps: KindDependencies): TargetKind => {
  const { clock, version, rules } = deps
  const { request, stored = (settings) => settings, retryAfterMs, host } = service
  const accept = accepting(service)
  return {
    ...notifying(deps, (target, message, signal) => {
      const { url, headers, body } = request(target, notificationOf(message, deps))
      return deliverByPost({
        rules,
        nowMs: clock.wallMs(),
        url,
        headers: {
          'content-type': 'application/json',
          'user-agent': `secure-lock-server/${version}`,
          ...headers,
        },
        body: JSON.stringify(body),
        signal,
        secrets: secretTexts(target),
        ...(retryAfterMs ? { retryAfterMs } : {}),
      })
    }),
    says: service.says,
    isPersonal: service.isPersonal,
    accept: async (given, current) => {
      const { settings, secrets } = accept(given, current)
      return { settings: stored(settings), secrets }
    },
    // Other ports and paths of a host may be other services.
    destination: ({ url }) => host ?? String(url),
  }
}

const secretTexts = ({ secrets }: Target): readonly string[] => Object.values(secrets).map(String)
