import { invalid, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { SettingsAnswer, SettingsBody } from './schema.ts'
import type { Settings } from './settings.ts'

type Dependencies = { readonly settings: Settings }

/** What an owner may change while the server runs. */
export const settingRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps), change(deps)]

const ANSWER = {
  description: 'The current settings',
  schema: SettingsAnswer,
  example: { registration: { value: 'invite', is_fixed: false }, first_run: 'done' },
}

const read = ({ settings }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/settings',
      access: 'owner',
      tag: 'Settings',
      operationId: 'getSettings',
      summary: 'Get the settings that can change while the server runs',
      description: 'A setting from the environment cannot be changed here (`is_fixed`).',
      answers: { 200: ANSWER },
    },
    () => describe(settings),
  )

const describe = async (settings: Settings) => ({
  registration: {
    value: await settings.registration(),
    is_fixed: settings.registrationIsFixed,
  },
  first_run: await settings.firstRun(),
})

const change = ({ settings }: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/settings',
      access: 'owner',
      limits: ['changes'],
      tag: 'Settings',
      operationId: 'updateSettings',
      summary: 'Choose who may register, or record how far the first run is',
      body: SettingsBody,
      answers: {
        200: ANSWER,
        400: invalid(SettingsBody, 'registration'),
        409: problem(
          409,
          'setting_fixed',
          'REGISTRATION is set on the gateway; remove it there first',
        ),
      },
    },
    async ({ caller, body: { registration, first_run: firstRun } }) => {
      if (registration) await settings.setRegistration(caller, registration)
      if (firstRun) await settings.setFirstRun(firstRun)
      return describe(settings)
    },
  )
