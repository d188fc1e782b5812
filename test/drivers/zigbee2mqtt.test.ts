import { describe, expect, test } from 'bun:test'
import { zigbee2mqtt } from '../../src/drivers/zigbee2mqtt.ts'
import { type Recorded, peopleOf, play, statesOf } from './recorded/play.ts'
import * as recorded from './recorded/zigbee2mqtt.ts'

const lock = zigbee2mqtt({ name: 'front-door', base: 'zigbee2mqtt', pin: undefined })

const heard = (sequence: readonly Recorded[]) => play(lock as never, sequence)

describe('a lock that Zigbee2MQTT drives', () => {
  test('pitfall 7: the person is that of the action, the state that of the later message', () => {
    const told = heard(recorded.KEYPAD)
    expect(peopleOf(told)).toStrictEqual([
      { seconds: 1.8, kind: 'opened', slot: '2', method: 'keypad' },
    ])
    expect(statesOf(told).at(-1)).toStrictEqual({ seconds: 1.8, state: 'unlocked', isOld: false })
  })

  test('pitfall 7: a lock that never sends its state has opened all the same, told after 10 s', () => {
    expect(peopleOf(heard(recorded.WITHOUT_STATE))).toStrictEqual([
      { seconds: 10, kind: 'opened', slot: '2', method: 'keypad' },
    ])
  })

  test('pitfall 8: what is published again at a restart, or kept by the broker, opens nothing', () => {
    expect(peopleOf(heard(recorded.RESTART))).toBeEmpty()
    const kept = heard(recorded.KEPT)
    expect(peopleOf(kept)).toBeEmpty()
    expect(statesOf(kept).every(({ isOld }) => isOld)).toBeTrue()
  })

  test('pitfall 8: ten seconds after the restart, actions count again', () => {
    const [online, ...rest] = recorded.RESTART
    const later = rest.map(([seconds, ...more]) => [seconds + 8, ...more] as Recorded)
    expect(peopleOf(heard([online as Recorded, ...later]))).toMatchObject([{ slot: '2' }])
  })

  test('pitfall 9: of one turn that is told twice, the one with the person stays', () => {
    const once = [{ kind: 'opened', slot: '7', method: 'fingerprint' }]
    expect(peopleOf(heard(recorded.ANONYMOUS_FIRST))).toMatchObject(once)
    expect(peopleOf(heard(recorded.NAMED_FIRST))).toMatchObject(once)
  })

  test('pitfall 9: two turns five seconds apart are two', () => {
    expect(peopleOf(heard(recorded.TWO_TURNS))).toStrictEqual([
      { seconds: 2, kind: 'opened', slot: null, method: 'manual' },
      { seconds: 5.5, kind: 'opened', slot: '7', method: 'fingerprint' },
    ])
  })

  test('pitfall 11: a bolt that moved by itself is a state, and no event', () => {
    const told = heard(recorded.SILENT)
    expect(peopleOf(told)).toBeEmpty()
    expect(statesOf(told).map(({ state }) => state)).toStrictEqual(['unlocked', 'locked', 'jammed'])
  })

  test('pitfall 12: no PIN is in anything that is told or remembered', () => {
    const everything = [recorded.KEYPAD, recorded.REFUSED, recorded.SILENT].flat()
    expect(JSON.stringify(everything)).toContain(recorded.PIN)
    const { begin, hear } = lock
    let memory = begin
    for (const [, topic, payload] of everything) {
      const step = hear(memory, {
        topic,
        payload: JSON.stringify(payload),
        isRetained: false,
        atMs: 1,
      })
      memory = step.memory
      expect(JSON.stringify(step)).not.toContain(recorded.PIN)
      expect(JSON.stringify(step)).not.toContain('users')
    }
  })

  test('a wrong code, and one out of its hours, are refusals; what failed to lock is none', () => {
    expect(peopleOf(heard(recorded.REFUSED))).toStrictEqual([
      { seconds: 0, kind: 'refused', slot: null, method: 'keypad', reason: 'invalid_credential' },
      { seconds: 4, kind: 'refused', slot: '3', method: 'keypad', reason: 'restricted' },
    ])
  })

  test('models that name the way in the action are understood too', () => {
    const action = (name: string): Recorded => [0, 'zigbee2mqtt/front-door', { action: name }]
    for (const [name, method] of [
      ['keypad_unlock', 'keypad'],
      ['manual_unlock', 'manual'],
      ['rfid_unlock', 'card'],
    ] as const)
      expect(peopleOf(heard([action(name)]))).toMatchObject([{ kind: 'opened', method }])
    for (const name of ['lock', 'auto_lock', 'keypad_lock', 'unlock_failure_x', 'error_jammed'])
      expect(peopleOf(heard([action(name)])).filter(({ kind }) => kind === 'opened')).toBeEmpty()
  })

  test('is online if it says so, and offline with the bridge', () => {
    const said = (topic: string, payload: unknown) =>
      play(lock as never, [[0, `zigbee2mqtt/${topic}`, payload]]).map((one) =>
        one.kind === 'availability' ? one.isOnline : one.kind,
      )
    expect(said('front-door/availability', { state: 'online' })).toStrictEqual([true])
    expect(said('front-door/availability', 'offline')).toStrictEqual([false])
    expect(said('bridge/state', { state: 'offline' })).toStrictEqual([false])
    expect(said('bridge/state', { state: 'online' })).toBeEmpty()
  })

  test('is told to open by one message, with the PIN if it wants one', () => {
    expect(lock.open).toStrictEqual({
      topic: 'zigbee2mqtt/front-door/set',
      payload: '{"state":"UNLOCK"}',
    })
    const withPin = zigbee2mqtt({ name: 'a/b', base: 'z2m', pin: '1234' })
    expect(withPin.open).toStrictEqual({
      topic: 'z2m/a/b/set',
      payload: '{"state":{"state":"UNLOCK","code":"1234"}}',
    })
    expect(lock.poll).toStrictEqual({
      topic: 'zigbee2mqtt/front-door/get',
      payload: '{"state":""}',
    })
  })

  test('noise says nothing', () => {
    for (const payload of ['', 'null', '[]', '7', '{"action":7}', '{"state":{}}', '{', '"x"'])
      expect(heard([[0, 'zigbee2mqtt/front-door', payload]])).toBeEmpty()
  })
})
