import type { Topics } from './topics.ts'

type Device = {
  readonly topics: Topics
  readonly lock: { readonly label: string; readonly name: string }
  readonly version: string
  /** The URL of the console; undefined if there is none. */
  readonly page: string | undefined
  /** Whether the lock has a driver. */
  readonly isOperated: boolean
}

const NAME = 'Secure Lock Server'

/** Returns the discovery message of a lock: a device with its entities. Home Assistant rejects the whole device for an
 * unknown key at the top level, and a component for a missing one. Event entities have no availability: otherwise
 * each reconnection of the gateway would trigger automations (home-assistant/core#131932). */
export const discoveryJson = ({ topics, lock, version, page, isOperated }: Device) => {
  const { label, name } = lock
  const device = topics.device(label)
  const availability = [{ topic: topics.status }]
  return {
    dev: {
      ids: [device],
      name,
      mf: NAME,
      mdl: 'Gateway',
      sw: version,
      ...(page === undefined ? {} : { cu: page }),
    },
    o: { name: 'secure-lock-server', sw: version },
    qos: 1,
    cmps: {
      unlocks: {
        p: 'event',
        unique_id: `${device}_unlocks`,
        name: 'Unlocks',
        icon: 'mdi:door-open',
        state_topic: topics.unlocks(label),
        event_types: ['unlocked', 'unlocked_late'],
      },
      denials: {
        p: 'event',
        unique_id: `${device}_denials`,
        name: 'Denials',
        icon: 'mdi:door-closed-cancel',
        state_topic: topics.denials(label),
        event_types: ['denied'],
      },
      opened_by: {
        p: 'sensor',
        unique_id: `${device}_opened_by`,
        name: 'Last opened by',
        icon: 'mdi:account-key',
        state_topic: topics.last(label),
        value_template: '{{ value_json.who }}',
        json_attributes_topic: topics.last(label),
      },
      opened_at: {
        p: 'sensor',
        unique_id: `${device}_opened_at`,
        name: 'Last opened',
        device_class: 'timestamp',
        state_topic: topics.last(label),
        value_template: '{{ value_json.received_at }}',
      },
      log: {
        p: 'binary_sensor',
        unique_id: `${device}_log`,
        name: 'Log problem',
        device_class: 'problem',
        entity_category: 'diagnostic',
        state_topic: topics.log,
        value_template: "{{ 'ON' if value_json.problem else 'OFF' }}",
        json_attributes_topic: topics.log,
        availability,
      },
      lock: isOperated
        ? {
            p: 'lock',
            unique_id: `${device}_lock`,
            name: null,
            state_topic: topics.state(label),
            command_topic: topics.commands(label),
            optimistic: false,
            retain: false,
            qos: 1,
            availability,
            command_template: '{"action":"{{ value | lower }}","at":"{{ utcnow().isoformat() }}"}',
            payload_open: 'OPEN',
          }
        : // Omitting it would leave an earlier entity in place.
          { p: 'lock' },
    },
  }
}
