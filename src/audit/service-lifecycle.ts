import { COMMAND_LINE, type RecordAuditEvent } from '../domain/audit-event.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'newest'>
  readonly record: RecordAuditEvent
  readonly version: string
}

/** A setting as it was given, by its name in the environment. */
type GivenSetting = { readonly name: string; readonly value: string; readonly fallback: string }

const SETTING_CHANGE = 'setting.change'

/** Records that the service starts and stops, and which settings are not what they were at the start
 * before. The trail itself remembers those; one that it does not name had its default. */
export const serviceLifecycle = ({ store, record, version }: Dependencies) => {
  const recordSetting = (name: string, from: string, to: string): Promise<void> =>
    record(COMMAND_LINE, {
      action: SETTING_CHANGE,
      result: 'success',
      subject: name,
      detail: { from, to },
    })

  return {
    /** Records that a setting was changed while the service runs. */
    recordSetting,

    recordStart: async (settings: readonly GivenSetting[]): Promise<void> => {
      for (const { name, value, fallback } of settings) {
        const { to: before = fallback } = (await store.newest(SETTING_CHANGE, name))?.detail ?? {}
        if (before !== value) await recordSetting(name, String(before), value)
      }
      const detail = { version }
      await record(COMMAND_LINE, { action: 'service.start', result: 'success', detail })
    },

    recordStop: (): Promise<void> =>
      record(COMMAND_LINE, { action: 'service.stop', result: 'success' }),
  }
}
