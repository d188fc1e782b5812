import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Caller } from '../../http/authorization.ts'
import type { SettingStore } from './setting-store.ts'

export type Settings = ReturnType<typeof settingService>

type Dependencies = {
  readonly store: SettingStore
  readonly config: Pick<Config, 'registration' | 'registrationIsFixed'>
  readonly record: RecordAuditEvent
}

/** Who may register, from the most open on. */
export const REGISTRATIONS = ['open', 'invite', 'closed'] as const
type Registration = (typeof REGISTRATIONS)[number]

/** The rules of settings that an owner changes by the API. What the environment sets stays so. */
export const settingService = ({ store, config, record }: Dependencies) => ({
  /** Who may register now, asked afresh by each who tries. */
  registration: async (): Promise<Registration> => {
    if (config.registrationIsFixed) return config.registration
    const chosen = await store.find('registration')
    return REGISTRATIONS.find((one) => one === chosen) ?? config.registration
  },

  registrationIsFixed: config.registrationIsFixed,

  /** Throws `conflict` where the environment decides. */
  setRegistration: async (caller: Caller, registration: Registration): Promise<void> => {
    if (config.registrationIsFixed)
      throw new AppError(
        'conflict',
        'REGISTRATION in the gateway’s settings decides this; remove it there first',
        { reason: 'setting_fixed' },
      )
    await store.put('registration', registration, async (stored, tx) => {
      const from = stored ?? config.registration
      if (from === registration) return
      const detail = { from, to: registration }
      const event = { action: 'setting.change', result: 'success', detail } as const
      await record(caller, { ...event, subject: 'registration' }, tx)
    })
  },
})
