import { integerBetween, matching, optionalField, textOf } from '../contents.ts'
import type { Notification } from '../words.ts'
import { serverUrl } from './server-url.ts'
import type { Service } from './service.ts'

/** Emoji that ntfy shows before a title, by their short codes (https://docs.ntfy.sh/emojis). */
const TAGS = {
  unlocked: 'unlock',
  denied: 'no_entry',
  'guest.opened': 'unlock',
  'guest.problem': 'warning',
  'controller.silent': 'warning',
  'controller.alarm': 'rotating_light',
  'log.problem': 'warning',
  'account.waiting': 'wave',
  digest: 'scroll',
  test: 'bell',
} as const satisfies Readonly<Record<Notification['event'], string>>

/** ntfy.sh or another ntfy server; publishes JSON to the root of the server
 * (https://docs.ntfy.sh/publish/#publish-as-json). */
export const ntfy: Service = {
  says:
    '`settings` has the `url` of the server, the `topic`, and may have a `priority` of 1 to 5; `secrets` may ' +
    'have a `token`',
  isPersonal: true,
  settings: {
    url: serverUrl('https://ntfy.home'),
    topic: matching(/^[-\w]{1,64}$/, 'up to 64 letters, digits, - and _'),
    priority: optionalField(integerBetween(1, 5)),
  },
  secrets: { token: optionalField(matching(/^[\x21-\x7e]{1,200}$/, 'an access token of ntfy')) },
  request: ({ settings, secrets }, { id, event, title, text, link, isUrgent }) => {
    const token = textOf(secrets, 'token')
    return {
      url: String(settings['url']),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: {
        topic: settings['topic'],
        title,
        message: text,
        priority: settings['priority'] ?? (isUrgent ? 4 : 3),
        tags: [TAGS[event]],
        click: link,
        actions: [{ action: 'view', label: 'Open', url: link }],
        // A repeated message replaces the earlier one.
        sequence_id: id,
      },
    }
  },
}
