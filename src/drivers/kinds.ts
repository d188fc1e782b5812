import { type Static, type TObject, Type as t } from '@sinclair/typebox'
import { accepting } from '../http/request/accepted.ts'
import { oneOf, text } from '../http/request/text.ts'
import { esphome } from './esphome.ts'
import { homeAssistant } from './home-assistant.ts'
import { nukiHub } from './nuki-hub.ts'
import type { MessageDriver } from './observation.ts'
import type { RequestDriver } from './request.ts'
import { shelly } from './shelly.ts'
import { zigbee2mqtt } from './zigbee2mqtt.ts'

/** A configured driver: it uses messages of the broker, or HTTP requests. */
export type Driver =
  | { readonly by: 'messages'; readonly driver: MessageDriver }
  | { readonly by: 'requests'; readonly driver: RequestDriver }

const topic = (description: string, example: string) =>
  t.String({
    pattern: '^[^\\s+#/$]([^+#\\u0000-\\u001f]{0,198}[^\\s+#/])?$',
    description,
    examples: [example],
    ...accepting('a topic without + and #, and without / at its ends'),
  })

const Url = t.String({
  pattern: '^https?://[^\\s/@?#]{1,250}/?$',
  description: 'Its address, without a path',
  examples: ['http://192.168.1.40'],
  ...accepting('an address without a path'),
})

const Action = t.Optional({
  ...oneOf(['unlock', 'open']),
  description: '`open` pulls the latch too; `unlock` by default',
  examples: ['unlock'],
})

const secret = (description: string) => text({ min: 1, max: 500, description })

type Kind<Settings extends TObject, Secrets extends TObject> = {
  readonly settings: Settings
  readonly secrets: Secrets
  readonly make: (settings: Static<Settings>, secrets: Static<Secrets>) => Driver
  /** An example of its settings. */
  readonly example: Static<Settings>
  /** Whether it needs the broker. */
  readonly needsBroker: boolean
  /** Whether the lock sends something every day, even if nobody uses it. */
  readonly speaksDaily: boolean
}

const kind = <Settings extends TObject, Secrets extends TObject>(of: Kind<Settings, Secrets>) =>
  of as unknown as Kind<TObject, TObject>

const messages = <Memory>(driver: MessageDriver<Memory>): Driver => ({
  by: 'messages',
  // The memory is passed on and never inspected.
  driver: driver as unknown as MessageDriver,
})

const requests = (driver: RequestDriver): Driver => ({ by: 'requests', driver })

const NO_SECRETS = t.Object({})

/** The kinds of drivers. */
export const KINDS = {
  zigbee2mqtt: kind({
    settings: t.Object({
      name: topic('The friendly name of the lock in Zigbee2MQTT', 'front-door'),
      base: t.Optional(
        topic('The base topic of Zigbee2MQTT; `zigbee2mqtt` by default', 'zigbee2mqtt'),
      ),
    }),
    secrets: t.Object({ pin: t.Optional(secret('The PIN that some locks ask for')) }),
    make: ({ name, base = 'zigbee2mqtt' }, { pin }) => messages(zigbee2mqtt({ name, base, pin })),
    example: { name: 'front-door' },
    needsBroker: true,
    speaksDaily: true,
  }),
  nuki_hub: kind({
    settings: t.Object({
      prefix: topic('The topic of the hub, from its MQTT settings', 'nukihub'),
      action: Action,
    }),
    secrets: NO_SECRETS,
    make: ({ prefix, action = 'unlock' }) => messages(nukiHub({ prefix, action })),
    example: { prefix: 'nukihub', action: 'open' },
    needsBroker: true,
    speaksDaily: true,
  }),
  esphome: kind({
    settings: t.Object({
      node: topic('The topic prefix of the node', 'front-door'),
      id: topic('The object id of the lock', 'strike'),
      action: Action,
    }),
    secrets: NO_SECRETS,
    make: ({ node, id, action = 'unlock' }) => messages(esphome({ node, id, action })),
    example: { node: 'front-door', id: 'strike' },
    needsBroker: true,
    speaksDaily: false,
  }),
  shelly: kind({
    settings: t.Object({
      url: Url,
      switch: t.Optional(
        t.Integer({
          minimum: 0,
          maximum: 15,
          description: 'Which of its switches; 0 by default',
          examples: [0],
        }),
      ),
      seconds: t.Optional(
        t.Number({
          minimum: 0.1,
          maximum: 60,
          description: 'For how many seconds it switches on; 3 by default',
          examples: [3],
          ...accepting('a number from 0.1 to 60'),
        }),
      ),
    }),
    secrets: t.Object({ password: t.Optional(secret('The password of the device')) }),
    make: ({ url, switch: number = 0, seconds = 3 }, { password }) =>
      requests(shelly({ url, switch: number, seconds, password })),
    example: { url: 'http://192.168.1.40', seconds: 3 },
    needsBroker: false,
    speaksDaily: true,
  }),
  home_assistant: kind({
    settings: t.Object({
      url: Url,
      entity: t.String({
        pattern: '^lock\\.[a-z0-9_]{1,250}$',
        description: 'The id of its entity',
        examples: ['lock.front_door'],
        ...accepting('the id of a lock'),
      }),
      action: Action,
    }),
    secrets: t.Object({ token: secret('A long-lived access token') }),
    make: ({ url, entity, action = 'unlock' }, { token }) =>
      requests(homeAssistant({ url, entity, action, token })),
    example: { url: 'http://homeassistant.local:8123', entity: 'lock.front_door' },
    needsBroker: false,
    speaksDaily: true,
  }),
} as const

export type KindName = keyof typeof KINDS
export const KIND_NAMES = Object.keys(KINDS) as KindName[]
