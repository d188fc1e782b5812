import type { Target, TargetContents } from '../../domain/home-event.ts'
import type { Fields } from '../contents.ts'
import type { Notification } from '../words.ts'

/** A service that is told by one POST request. */
export type Service = {
  /** What its settings and secrets are, for the API. */
  readonly says: string
  /** Whether members may use it for themselves. */
  readonly isPersonal: boolean
  readonly settings: Fields
  readonly secrets: Fields
  /** Returns settings as they are stored; as they were given by default. */
  readonly stored?: (settings: Readonly<Record<string, unknown>>) => TargetContents['settings']
  readonly request: (
    target: Pick<Target, 'settings' | 'secrets'>,
    notification: Notification,
  ) => ServiceRequest
  /** Where it leads, if not to `url`. */
  readonly host?: string
  /** Returns what the text of a refusal asks to wait, in milliseconds. */
  readonly retryAfterMs?: (text: string) => number | undefined
}

type ServiceRequest = {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
}
