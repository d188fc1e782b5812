import type { Driver } from '../../../api/doors/driver.ts'

type DriverField = {
  readonly name: string
  readonly part: 'settings' | 'secrets'
  readonly label: string
  readonly hint: string
  readonly isOptional?: boolean
  readonly isNumber?: boolean
}

type Kind = {
  readonly label: string
  readonly description: string
  readonly fields: readonly DriverField[]
  /** Whether it can also pull the latch. */
  readonly hasLatch: boolean
  /** What a slot is called in it. */
  readonly slotHint: string | undefined
}

const NO_SLOTS = undefined

/** The kinds of drivers, the most common first. */
export const DRIVER_KINDS: Readonly<Record<Driver['kind'], Kind>> = {
  zigbee2mqtt: {
    label: 'Zigbee2MQTT',
    description: 'A Zigbee lock, through the MQTT broker.',
    hasLatch: false,
    slotHint: 'The number of the code or finger in the lock: action_user.',
    fields: [
      { name: 'name', part: 'settings', label: 'Name', hint: 'Its friendly name in Zigbee2MQTT.' },
      {
        name: 'base',
        part: 'settings',
        label: 'Base topic',
        hint: 'Empty for zigbee2mqtt.',
        isOptional: true,
      },
      {
        name: 'pin',
        part: 'secrets',
        label: 'PIN',
        hint: 'Only if the lock asks for one.',
        isOptional: true,
      },
    ],
  },
  nuki_hub: {
    label: 'Nuki Hub',
    description: 'A Nuki lock with a Nuki Hub, through the MQTT broker.',
    hasLatch: true,
    slotHint: 'The codeId of the keypad, or auth- and the authorizationId of a phone.',
    fields: [
      { name: 'prefix', part: 'settings', label: 'Topic', hint: 'The MQTT path of the hub.' },
    ],
  },
  home_assistant: {
    label: 'Home Assistant',
    description: 'Any lock that Home Assistant can open.',
    hasLatch: true,
    slotHint: NO_SLOTS,
    fields: [
      {
        name: 'url',
        part: 'settings',
        label: 'Address',
        hint: 'Such as http://homeassistant.local:8123.',
      },
      { name: 'entity', part: 'settings', label: 'Entity', hint: 'Such as lock.front_door.' },
      {
        name: 'token',
        part: 'secrets',
        label: 'Long-lived access token',
        hint: 'From your profile in Home Assistant.',
      },
    ],
  },
  shelly: {
    label: 'Shelly relay',
    description: 'A door opener on a relay, which switches on for some seconds.',
    hasLatch: false,
    slotHint: NO_SLOTS,
    fields: [
      { name: 'url', part: 'settings', label: 'Address', hint: 'Such as http://192.168.1.40.' },
      {
        name: 'switch',
        part: 'settings',
        label: 'Switch',
        hint: 'Which of its switches; empty for 0.',
        isOptional: true,
        isNumber: true,
      },
      {
        name: 'seconds',
        part: 'settings',
        label: 'Seconds',
        hint: 'How long it is on; empty for 3.',
        isOptional: true,
        isNumber: true,
      },
      {
        name: 'password',
        part: 'secrets',
        label: 'Device password',
        hint: 'Only if it has one.',
        isOptional: true,
      },
    ],
  },
  esphome: {
    label: 'ESPHome',
    description: 'A lock on an ESPHome node, through the MQTT broker.',
    hasLatch: true,
    slotHint: NO_SLOTS,
    fields: [
      { name: 'node', part: 'settings', label: 'Node', hint: 'The topic prefix of the node.' },
      { name: 'id', part: 'settings', label: 'Object id', hint: 'The id of the lock on the node.' },
    ],
  },
}

type Values = Readonly<Record<string, string>>

/** Returns the settings and secrets that were typed, as the API takes them. Secrets that are left empty are missing. */
export const driverBody = (kind: Driver['kind'], values: Values, pullsLatch: boolean) => {
  const { fields, hasLatch } = DRIVER_KINDS[kind]
  const typed = (part: DriverField['part']) =>
    Object.fromEntries(
      fields.flatMap(({ name, part: own, isNumber }) => {
        const value = values[name]?.trim() ?? ''
        return own === part && value !== '' ? [[name, isNumber ? Number(value) : value]] : []
      }),
    )
  const secrets = typed('secrets')
  return {
    kind,
    settings: { ...typed('settings'), ...(hasLatch && pullsLatch ? { action: 'open' } : {}) },
    ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
  }
}
