import { type AuditEvent, COMMAND_LINE, type RecordAuditEvent } from '../domain/audit-event.ts'
import type { Database } from '../storage/database.ts'
import type { AuditIn } from '../storage/unit-of-work.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'newest' | 'newestOf'>
  readonly record: RecordAuditEvent
  readonly auditIn: AuditIn
  readonly lastly: Database['lastly']
  readonly version: string
  /** The name of this replica, if it has one. */
  readonly instance: string | undefined
}

/** A setting by its name in the environment. */
type GivenSetting = {
  readonly name: string
  readonly value: string
  readonly defaultText: string
  /** True if each replica has its own value: the previous start may be that of another replica. */
  readonly isOwn?: boolean
}

const START = 'service.start'
const SETTING_CHANGE = 'setting.change'

/** Records that the server starts and stops, and which settings differ from the previous start. The event
 * of each start has the settings that differ from their defaults, so that the next one can compare. */
export const serviceLifecycle = (deps: Dependencies) => {
  const { store, record, auditIn, lastly, version } = deps
  const instance = deps.instance === undefined ? {} : { instance: deps.instance }
  const changeOf = (name: string, from: string, to: string, more = {}): AuditEvent => ({
    action: SETTING_CHANGE,
    result: 'success',
    subject: name,
    detail: { ...more, from, to },
  })

  /** Returns an event for each setting that differs from the previous start. */
  const changes = async (
    settings: readonly GivenSetting[],
    atPreviousStart: NonNullable<AuditEvent['detail']>,
  ): Promise<readonly AuditEvent[]> => {
    const changed: AuditEvent[] = []
    for (const { name, value, defaultText, isOwn } of settings) {
      if (isOwn) continue
      const last = await store.newest(SETTING_CHANGE, name)
      const previous = String(last?.detail['to'] ?? atPreviousStart[name] ?? defaultText)
      if (previous !== value) changed.push(changeOf(name, previous, value))
    }
    return changed
  }

  return {
    /** Records that a setting changed while the server runs. */
    recordSetting: (name: string, from: string, to: string): Promise<void> =>
      record(COMMAND_LINE, changeOf(name, from, to, instance)),

    /** Records the start before anything that is recorded after this call. */
    recordStart: async (settings: readonly GivenSetting[]): Promise<void> => {
      const previous = await store.newestOf(START)
      const given = settings.filter(({ value, defaultText }) => value !== defaultText)
      const detail = {
        version,
        ...instance,
        ...Object.fromEntries(given.map(({ name, value }) => [name, value])),
      }
      const events: readonly AuditEvent[] = [
        // At a first start, nothing has changed.
        ...(previous ? await changes(settings, previous.detail) : []),
        { action: START, result: 'success', detail },
      ]
      // All at once, so that each gets its time and its place in the order now.
      await Promise.all(events.map((event) => record(COMMAND_LINE, event)))
    },

    recordStop: (): Promise<void> =>
      lastly((tx) =>
        auditIn(tx).record(COMMAND_LINE, {
          action: 'service.stop',
          result: 'success',
          ...(deps.instance === undefined ? {} : { detail: instance }),
        }),
      ),
  }
}
