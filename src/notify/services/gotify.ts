import { integerBetween, matching, optionalField } from '../contents.ts'
import { serverUrl } from './server-url.ts'
import type { Service } from './service.ts'

/** Gotify (https://gotify.net/docs/pushmsg). */
export const gotify: Service = {
  says:
    '`settings` has the `url` of the server, and may have a `priority` of 0 to 10; `secrets` has the `token` ' +
    'of the application',
  isPersonal: true,
  settings: {
    url: serverUrl('https://gotify.home'),
    priority: optionalField(integerBetween(0, 10)),
  },
  secrets: { token: matching(/^[-.\w]{1,100}$/, 'the token of an application in Gotify') },
  request: ({ settings, secrets }, { title, text, isUrgent }) => ({
    url: `${String(settings['url'])}message`,
    headers: { 'x-gotify-key': String(secrets['token']) },
    body: { title, message: text, priority: settings['priority'] ?? (isUrgent ? 8 : 5) },
  }),
}
