import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { SettingsAnswer, SettingsBody } from './setting-schema.ts'
import type { Settings } from './settings.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly settings: Settings
}

/** What an owner may choose while the service runs. */
export const settingRoutes = ({ endpoints, readBody, settings }: Dependencies) => {
  const described = async () => ({
    registration: {
      value: await settings.registration(),
      is_fixed: settings.registrationIsFixed,
    },
  })
  return endpoints
    .group('default')
    .get('/v1/settings', described, READ)
    .use(endpoints.changeLimits())
    .patch(
      '/v1/settings',
      async ({ request, caller }) => {
        const { registration } = await readBody(request, SettingsBody)
        if (registration) await settings.setRegistration(caller, registration)
        return described()
      },
      CHANGE,
    )
}

const ANSWER = {
  description: 'The settings as they now are',
  schema: SettingsAnswer,
  example: { registration: { value: 'invite', is_fixed: false } },
}

const READ = operation({
  access: 'owner',
  tag: 'Settings',
  summary: 'What may be chosen while the service runs',
  description: 'A setting of the environment stays as it is (`is_fixed`).',
  answers: { 200: ANSWER },
})

const CHANGE = operation({
  access: 'owner',
  tag: 'Settings',
  summary: 'Choose who may register',
  body: SettingsBody,
  answers: {
    200: ANSWER,
    400: problem(400, 'invalid', 'Invalid registration'),
    409: problem(
      409,
      'setting_fixed',
      'REGISTRATION in the gateway’s settings decides this; remove it there first',
    ),
  },
})
