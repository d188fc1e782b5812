import type { Config } from '../../config/config.ts'
import type { Actor } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { type StoredSettings, settingsIn } from '../../storage/sqlite/setting-store.ts'

export type Settings = ReturnType<typeof settingService>

type RegistrationConfig = Pick<Config, 'registration' | 'registrationIsFixed'>

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'transaction'>
  readonly config: RegistrationConfig
  readonly auditIn: AuditIn
}

/** Who may register, most open first. */
export const REGISTRATIONS = ['open', 'invite', 'closed'] as const
type Registration = (typeof REGISTRATIONS)[number]

/** The steps of the console's first run after the owner is created, in order. */
export const FIRST_RUN_STEPS = ['registration', 'phone', 'opening', 'done'] as const
type FirstRunStep = (typeof FIRST_RUN_STEPS)[number]

/** The rules of settings that an owner changes through the API. The environment overrides them. */
export const settingService = ({ db, config, auditIn }: Dependencies) => ({
  /** Returns who may register now. */
  registration: (): Promise<Registration> => registrationOf(settingsIn(db), config),

  registrationIsFixed: config.registrationIsFixed,

  /** Returns the step at which the first run stopped; `done` too if the owner was not created by it. */
  firstRun: async (): Promise<FirstRunStep> => {
    const stored = await settingsIn(db).find('first_run')
    return FIRST_RUN_STEPS.find((step) => step === stored) ?? 'done'
  },

  /** Leaves no audit event, because it only changes what a page shows. */
  setFirstRun: (step: FirstRunStep): Promise<void> => settingsIn(db).put('first_run', step),

  /** Throws `conflict` if REGISTRATION is set in the environment. */
  setRegistration: async (by: Actor, registration: Registration): Promise<void> => {
    if (config.registrationIsFixed)
      throw new AppError('conflict', 'REGISTRATION is set on the gateway; remove it there first', {
        reason: 'setting_fixed',
      })
    await db.transaction(async (tx) => {
      const settings = settingsIn(tx)
      const from = await registrationOf(settings, config)
      await settings.put('registration', registration)
      if (from === registration) return
      await auditIn(tx).record(by, {
        action: 'setting.change',
        result: 'success',
        subject: 'registration',
        detail: { from, to: registration },
      })
    })
  },
})

/** Returns who may register: as the environment says, else as an owner chose, else the default. */
export const registrationOf = async (
  settings: Pick<StoredSettings, 'find'>,
  config: RegistrationConfig,
): Promise<Registration> => {
  if (config.registrationIsFixed) return config.registration
  const stored = await settings.find('registration')
  return REGISTRATIONS.find((registration) => registration === stored) ?? config.registration
}
