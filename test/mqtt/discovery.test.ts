import { expect, test } from 'bun:test'
import { discoveryJson } from '../../src/mqtt/discovery.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'

const topics = topicsOf({
  mqttTopic: 'secure-lock',
  mqttDiscovery: 'homeassistant',
  gid: '3f9c2a71',
})

const DEVICE = 'secure_lock_3f9c2a71_front_door'
const LOCK = 'secure-lock/3f9c2a71/locks/front-door'
const ONLINE = [{ topic: 'secure-lock/3f9c2a71/status' }]

test('a lock is a device of Home Assistant, as its versions of 2025 and 2026 take it without a warning', () => {
  const lock = { label: 'front-door', name: 'Front door' }
  const page = 'https://gateway.local:8443/'
  const bundle = discoveryJson({ topics, lock, version: '0.2.0', page, isOperated: true })
  expect(bundle).toStrictEqual({
    dev: {
      ids: [DEVICE],
      name: 'Front door',
      mf: 'Secure Lock Server',
      mdl: 'Gateway',
      sw: '0.2.0',
      cu: page,
    },
    o: { name: 'secure-lock-server', sw: '0.2.0' },
    qos: 1,
    cmps: {
      unlocks: {
        p: 'event',
        unique_id: `${DEVICE}_unlocks`,
        name: 'Unlocks',
        icon: 'mdi:door-open',
        state_topic: `${LOCK}/unlocks`,
        event_types: ['unlocked', 'unlocked_late'],
      },
      denials: {
        p: 'event',
        unique_id: `${DEVICE}_denials`,
        name: 'Denials',
        icon: 'mdi:door-closed-cancel',
        state_topic: `${LOCK}/denials`,
        event_types: ['denied'],
      },
      opened_by: {
        p: 'sensor',
        unique_id: `${DEVICE}_opened_by`,
        name: 'Last opened by',
        icon: 'mdi:account-key',
        state_topic: `${LOCK}/last`,
        value_template: '{{ value_json.who }}',
        json_attributes_topic: `${LOCK}/last`,
      },
      opened_at: {
        p: 'sensor',
        unique_id: `${DEVICE}_opened_at`,
        name: 'Last opened',
        device_class: 'timestamp',
        state_topic: `${LOCK}/last`,
        value_template: '{{ value_json.received_at }}',
      },
      log: {
        p: 'binary_sensor',
        unique_id: `${DEVICE}_log`,
        name: 'Log problem',
        device_class: 'problem',
        entity_category: 'diagnostic',
        state_topic: 'secure-lock/3f9c2a71/log',
        value_template: "{{ 'ON' if value_json.problem else 'OFF' }}",
        json_attributes_topic: 'secure-lock/3f9c2a71/log',
        availability: ONLINE,
      },
      lock: {
        p: 'lock',
        unique_id: `${DEVICE}_lock`,
        name: null,
        state_topic: `${LOCK}/state`,
        command_topic: `${LOCK}/set`,
        optimistic: false,
        retain: false,
        qos: 1,
        availability: ONLINE,
        command_template: '{"action":"{{ value | lower }}","at":"{{ utcnow().isoformat() }}"}',
        payload_open: 'OPEN',
      },
    },
  })
  expect(topics.config('front-door')).toBe(`homeassistant/device/${DEVICE}/config`)
})

test('a lock that the gateway does not operate, or no longer, has no switch', () => {
  const lock = { label: 'front-door', name: 'Front door' }
  const { dev, cmps } = discoveryJson({
    topics,
    lock,
    version: '0.2.0',
    page: undefined,
    isOperated: false,
  })
  // Only this removes an earlier one: left out, it would stay.
  expect(cmps.lock).toStrictEqual({ p: 'lock' })
  expect(dev).not.toHaveProperty('cu')
})

test('labels that look alike are different devices, and commands name their lock', () => {
  const labels = ['a-b', 'a--b', 'ab', 'a-b-', 'a-b-c']
  expect(new Set(labels.map(topics.device)).size).toBe(labels.length)
  for (const label of labels) expect(topics.lockOf(topics.commands(label))).toBe(label)
  expect(topics.device('front-door')).toMatch(/^\w+$/)
})
