import { COMMAND_LINE, type RecordAuditEvent } from '../domain/audit-event.ts'
import type { AuditStore } from './store.ts'

type Dependencies = {
  readonly store: Pick<AuditStore, 'newest'>
  readonly record: RecordAuditEvent
  readonly version: string
}

/** A setting by its name in the environment. */
type GivenSetting = { readonly name: string; readonly value: string; readonly defaultText: string }

const SETTING_CHANGE = 'setting.change'

/** Records that the server starts and stops, and which settings differ from the previous start.
 * Previous values come from the audit events; a setting without one had its default. */
export const serviceLifecycle = ({ store, record, version }: Dependencies) => {
  const recordSetting = (name: string, from: string, to: string): Promise<void> =>
    record(COMMAND_LINE, {
      action: SETTING_CHANGE,
      result: 'success',
      subject: name,
      detail: { from, to },
    })

  return {
    /** Records that a setting changed while the server runs. */
    recordSetting,

    recordStart: async (settings: readonly GivenSetting[]): Promise<void> => {
      for (const { name, value, defaultText } of settings) {
        const { to: previous = defaultText } =
          (await store.newest(SETTING_CHANGE, name))?.detail ?? {}
        if (previous !== value) await recordSetting(name, String(previous), value)
      }
      const detail = { version }
      await record(COMMAND_LINE, { action: 'service.start', result: 'success', detail })
    },

    recordStop: (): Promise<void> =>
      record(COMMAND_LINE, { action: 'service.stop', result: 'success' }),
  }
}
