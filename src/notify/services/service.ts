import type { Target, TargetContents } from '../../domain/home-event.ts'
import type { Fields } from '../contents.ts'
import type { Notification } from '../words.ts'

/** A service that receives a message as one POST request. */
export type Service = {
  /** Describes its settings and secrets, for the API documentation. */
  readonly says: string
  /** Whether members may add one of their own. */
  readonly isPersonal: boolean
  readonly settings: Fields
  readonly secrets: Fields
  /** Returns settings as they are stored; unchanged by default. */
  readonly stored?: (settings: Readonly<Record<string, unknown>>) => TargetContents['settings']
  readonly request: (
    target: Pick<Target, 'settings' | 'secrets'>,
    notification: Notification,
  ) => ServiceRequest
  /** Where it leads, if not to `url`. */
  readonly host?: string
  /** Returns the wait that an error body asks for, in milliseconds. */
  readonly retryAfterMs?: (text: string) => number | undefined
}

type ServiceRequest = {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
}
