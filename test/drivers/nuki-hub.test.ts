import { describe, expect, test } from 'bun:test'
import { nukiHub } from '../../src/drivers/nuki-hub.ts'
import { BEGUN_MS, type Recorded, peopleOf, play, statesOf } from './recorded/play.ts'
import * as recorded from './recorded/nuki-hub.ts'

const lock = nukiHub({ prefix: 'nukihub', action: 'open' })

const heard = (sequence: readonly Recorded[]) => play(lock as never, sequence, 120)

describe('a lock behind a Nuki Hub', () => {
  test('pitfall 1: who opened is taken from one entry of the log, and never from auth_name', () => {
    const told = heard(recorded.PREVIOUS_NAME)
    expect(peopleOf(told)).toStrictEqual([
      { seconds: 15, kind: 'opened', slot: '4', method: 'keypad' },
    ])
    expect(JSON.stringify(told)).not.toContain('Grace')
    expect(lock.topics.some((topic) => /auth|json/.test(topic))).toBeFalse()
  })

  test('pitfall 2: codes of the keypad are told apart, though they share an authorization', () => {
    expect(peopleOf(heard(recorded.TWO_CODES))).toMatchObject([{ slot: '4' }, { slot: '5' }])
  })

  test('pitfall 3: each entry has its number, and the list fills what was missed, oldest first', () => {
    const told = heard(recorded.KEPT)
    expect(told.filter(({ kind }) => kind === 'log')).toMatchObject([
      { newest: 813, isLive: false },
      { newest: 813, isLive: false },
    ])
    expect(
      told.flatMap((one) => (one.kind === 'opened' ? [[one.entry, one.slot]] : [])),
    ).toStrictEqual([
      [813, '5'],
      [811, '4'],
      [813, '5'],
    ])
  })

  test('pitfall 3: an entry happened when the lock says, not when we heard of it', () => {
    const first = heard(recorded.KEPT).find(({ kind }) => kind === 'opened')
    expect(first).toMatchObject({ occurredAtMs: BEGUN_MS - 60_000, atMs: BEGUN_MS - 60_000 })
  })

  test('pitfall 4: only a success is an opening; everything else is a denial', () => {
    expect(peopleOf(heard(recorded.NOT_SUCCESS))).toStrictEqual([
      { seconds: 5, kind: 'refused', slot: '4', method: 'keypad', reason: 'restricted' },
      { seconds: 6, kind: 'refused', slot: null, method: 'keypad', reason: 'invalid_credential' },
      { seconds: 7, kind: 'refused', slot: null, method: 'manual', reason: 'unspecified' },
    ])
  })

  test('pitfall 5: a command waits until the hub listens', () => {
    const { begin, hear, readyAtMs } = lock
    const online = { topic: 'nukihub/maintenance/mqttConnectionState', payload: 'online' }
    const after = (isRetained: boolean) =>
      readyAtMs(hear(begin, { ...online, isRetained, atMs: BEGUN_MS }).memory)
    expect(after(false)).toBeGreaterThan(BEGUN_MS + 2000)
    expect(after(true)).toBe(0)
  })

  test('phones and the hub itself have an authorization, people at the door have none', () => {
    const by = (parts: object) =>
      peopleOf(
        heard([
          [0, 'nukihub/lock/rollingLog', recorded.entry(1, 0, { authorizationId: 77, ...parts })],
        ]),
      )
    expect(by({ trigger: 'system' })).toMatchObject([{ slot: 'auth-77', method: 'app' }])
    expect(by({ trigger: 'button' })).toMatchObject([{ slot: null, method: 'manual' }])
    expect(by({ trigger: 'system', action: 'Lock' })).toBeEmpty()
    expect(by({ type: 'DoorSensor', action: 'DoorOpened' })).toBeEmpty()
  })

  test('answers on the topic of the command: ack is accepted, and our own command is no answer', () => {
    const said = (...payloads: readonly string[]) =>
      heard(payloads.map((payload) => [0, 'nukihub/lock/action', payload] as const)).map(
        ({ kind }) => kind,
      )
    expect(lock.open).toStrictEqual({ topic: 'nukihub/lock/action', payload: 'unlatch' })
    expect(said('unlatch', 'ack')).toStrictEqual(['accepted'])
    expect(said('denied', 'unknown_action', 'error')).toStrictEqual(['failed', 'failed', 'failed'])
    expect(nukiHub({ prefix: 'a', action: 'unlock' }).open.payload).toBe('unlock')
  })

  test('a motor that is blocked is a failure, what the broker kept of it is not', () => {
    const blocked = ['nukihub/lock/completionStatus', 'motorBlocked'] as const
    expect(heard([[0, ...blocked]])).toMatchObject([{ kind: 'failed', says: 'motorBlocked' }])
    expect(heard([[0, ...blocked, 'retained']])).toBeEmpty()
    expect(heard([[0, 'nukihub/lock/commandResult', 'success']])).toBeEmpty()
  })

  test('its states are ours', () => {
    const state = (payload: string) =>
      statesOf(heard([[0, 'nukihub/lock/state', payload]])).map(({ state: one }) => one)
    expect(state('unlatched')).toStrictEqual(['open'])
    expect(state('unlockedLnga')).toStrictEqual(['unlocked'])
    expect(state('motorBlocked')).toStrictEqual(['jammed'])
    expect(state('undefined')).toBeEmpty()
  })

  test('noise says nothing', () => {
    for (const topic of ['rollingLog', 'log', 'state', 'action', 'other'])
      for (const payload of ['', '--', 'null', '[]', '{}', '[7]', '{"index":"1"}', '{'])
        expect(heard([[0, `nukihub/lock/${topic}`, payload]])).toBeEmpty()
  })
})
