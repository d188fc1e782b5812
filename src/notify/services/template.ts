import { acceptedUrl } from '../../http/outgoing/target-address.ts'
import { shownText } from '../../domain/text/shown-text.ts'
import { matching, optionalField, textOf } from '../contents.ts'
import type { Notification } from '../words.ts'
import type { Service } from './service.ts'

const BODY_CHARACTERS_MAX = 4000

/** Ready-made templates. */
const PRESETS: Readonly<Record<string, object>> = {
  apprise: { title: '{{title}}', body: '{{text}}', type: 'info' },
  discord: { content: '{{title}}\n{{text}}', allowed_mentions: { parse: [] } },
  mattermost: { text: '{{title}}\n{{text}}' },
}

/** The value of each placeholder. */
const VALUES: Readonly<Record<string, (notification: Notification) => string | null | undefined>> =
  {
    title: ({ title }) => title,
    text: ({ text }) => text,
    link: ({ link }) => link,
    id: ({ id }) => id,
    event: ({ event }) => event,
    who: ({ unlock }) => unlock?.who,
    method: ({ unlock }) => unlock?.method,
    lock: ({ unlock }) => unlock?.lock,
    lock_name: ({ unlock }) => unlock?.lock_name,
    reason: ({ unlock }) => unlock?.reason,
    source: ({ unlock }) => unlock?.source,
    at: ({ unlock, createdAtMs }) => unlock?.happened_at ?? new Date(createdAtMs).toISOString(),
  }

const PLACEHOLDER = /\{\{\s*([a-z_]{1,20})\s*\}\}/g

const PLACEHOLDERS = Object.keys(VALUES)
  .map((name) => `{{${name}}}`)
  .join(', ')

/** Any service that accepts JSON, with a template that an owner wrote. Placeholders in strings are replaced, and values
 * are escaped as JSON. Placeholders within values are not replaced. */
export const template: Service = {
  says:
    `\`settings\` has the \`url\`, and a \`body\` (JSON with placeholders in its texts: ${PLACEHOLDERS}) or a ` +
    `\`preset\` (${Object.keys(PRESETS).join(', ')}); \`secrets\` may have an \`authorization\`, sent as that header`,
  isPersonal: false,
  settings: {
    url: { words: 'an http or https URL', parse: acceptedUrl },
    preset: optionalField({
      words: `one of ${Object.keys(PRESETS).join(', ')}`,
      parse: (value) =>
        typeof value === 'string' && Object.hasOwn(PRESETS, value) ? value : undefined,
    }),
    body: optionalField({
      words: `JSON of up to ${BODY_CHARACTERS_MAX} characters, with the placeholders ${PLACEHOLDERS} in its texts`,
      parse: (value) => (typeof value === 'string' && isTemplate(value) ? value : undefined),
    }),
  },
  stored: ({ preset = 'apprise', ...settings }) => ({
    ...settings,
    body: settings['body'] ?? JSON.stringify(PRESETS[preset as string]),
  }),
  secrets: {
    authorization: optionalField(
      matching(/^[\x20-\x7e]{1,1000}$/, 'the value of the header Authorization'),
    ),
  },
  request: ({ settings, secrets }, notification) => {
    const authorization = textOf(secrets, 'authorization')
    return {
      url: String(settings['url']),
      headers: authorization === undefined ? {} : { authorization },
      body: filled(String(settings['body']), notification),
    }
  },
}

const isTemplate = (body: string): boolean => {
  if (body.length > BODY_CHARACTERS_MAX) return false
  try {
    const value: unknown = JSON.parse(body)
    const names = [...body.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '')
    return (
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => Object.hasOwn(VALUES, name))
    )
  } catch {
    return false
  }
}

const filled = (body: string, notification: Notification): object =>
  JSON.parse(body, (_, value: unknown) =>
    typeof value === 'string'
      ? value.replaceAll(PLACEHOLDER, (_match, name: string) =>
          shownText(VALUES[name]?.(notification) ?? ''),
        )
      : value,
  ) as object
