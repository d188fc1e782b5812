import { BROKER } from '../../api/targets.ts'

/** A field of the settings or secrets of a kind. */
export type KindField = {
  readonly name: string
  readonly part: 'settings' | 'secrets'
  readonly label: string
  readonly hint?: string
  readonly isOptional?: boolean
  readonly type?: 'email'
  /** What it begins with. */
  readonly initial?: string
  /** For several lines. */
  readonly rows?: number
}

type Kind = {
  /** What it is, in plain words. */
  readonly label: string
  readonly description: string
  /** Proposed as its name. */
  readonly name: string
  readonly fields: readonly KindField[]
  /** Whether people read it, so that it may be quiet at night. */
  readonly hasQuiet: boolean
}

/** The kinds that people can add, the easiest first. */
export const KINDS: Readonly<Record<string, Kind>> = {
  ntfy: {
    label: 'Phone, with ntfy',
    description: 'The ntfy app shows a message.',
    name: 'ntfy',
    hasQuiet: true,
    fields: [
      {
        name: 'url',
        part: 'settings',
        label: 'Server',
        hint: 'Such as https://ntfy.home.',
        initial: 'https://ntfy.sh',
      },
      {
        name: 'topic',
        part: 'settings',
        label: 'Topic',
        hint: 'The name under which the app subscribes. On a public server, choose one that nobody guesses.',
      },
      { name: 'token', part: 'secrets', label: 'Access token', isOptional: true },
    ],
  },
  email: {
    label: 'E-mail',
    description: 'Sent by the mail server in the gateway’s settings.',
    name: 'E-mail',
    hasQuiet: true,
    fields: [{ name: 'to', part: 'settings', label: 'Address', type: 'email' }],
  },
  telegram: {
    label: 'Telegram',
    description: 'A bot of yours posts to a chat.',
    name: 'Telegram',
    hasQuiet: true,
    fields: [
      { name: 'chat_id', part: 'settings', label: 'Chat id', hint: 'A number, or @channel.' },
      { name: 'token', part: 'secrets', label: 'Token of the bot', hint: 'From @BotFather.' },
    ],
  },
  gotify: {
    label: 'Gotify',
    description: 'Your Gotify server shows a message.',
    name: 'Gotify',
    hasQuiet: true,
    fields: [
      { name: 'url', part: 'settings', label: 'Server', hint: 'Such as https://gotify.home.' },
      { name: 'token', part: 'secrets', label: 'Token of the application' },
    ],
  },
  webhook: {
    label: 'Webhook',
    description: 'A program of yours receives each event, signed.',
    name: 'Webhook',
    hasQuiet: false,
    fields: [
      {
        name: 'url',
        part: 'settings',
        label: 'URL',
        hint: 'Such as http://node-red.home:1880/unlocks.',
      },
    ],
  },
  template: {
    label: 'Own template',
    description: 'Any service that accepts JSON, in a format that you write.',
    name: 'Own template',
    hasQuiet: true,
    fields: [
      { name: 'url', part: 'settings', label: 'URL' },
      {
        name: 'body',
        part: 'settings',
        label: 'JSON',
        hint: 'Placeholders such as {{title}}, {{text}} and {{who}} are filled in.',
        initial: '{"title":"{{title}}","body":"{{text}}","type":"info"}',
        rows: 4,
      },
      {
        name: 'authorization',
        part: 'secrets',
        label: 'Header Authorization',
        hint: 'Such as “Bearer” and a token.',
        isOptional: true,
      },
    ],
  },
}

/** Returns what a kind is, in plain words. */
export const kindLabel = (kind: string): string =>
  kind === BROKER ? 'MQTT, for Home Assistant' : (KINDS[kind]?.label ?? kind)
