import { SECOND_MS } from '../../domain/duration.ts'
import { matching } from '../contents.ts'
import type { Service } from './service.ts'

const HOST = 'api.telegram.org'

/** A bot of Telegram (https://core.telegram.org/bots/api#sendmessage). Without `parse_mode`, text is sent as is.
 * The URL contains the bot’s token, so it is never shown. */
export const telegram = (base = `https://${HOST}`): Service => ({
  says: '`settings` has the `chat_id`; `secrets` has the `token` of the bot. It needs the internet',
  isPersonal: true,
  host: HOST,
  settings: {
    chat_id: matching(
      /^(-?\d{1,20}|@\w{5,32})$/,
      'the number of a chat, or the @name of a channel',
    ),
  },
  secrets: { token: matching(/^\d{1,20}:[-\w]{20,100}$/, 'the token of a bot, 12345:ABC…') },
  request: ({ settings, secrets }, { title, text }) => ({
    url: `${base}/bot${String(secrets['token'])}/sendMessage`,
    body: { chat_id: settings['chat_id'], text: `${title}\n${text}` },
  }),
  retryAfterMs: (text) => {
    try {
      const { parameters } = JSON.parse(text) as { parameters?: { retry_after?: unknown } }
      const seconds = parameters?.retry_after
      return typeof seconds === 'number' && seconds > 0 ? seconds * SECOND_MS : undefined
    } catch {
      return undefined
    }
  },
})
