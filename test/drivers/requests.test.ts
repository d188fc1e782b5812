import { describe, expect, test } from 'bun:test'
import { withDigest } from '../../src/drivers/digest.ts'
import { esphome } from '../../src/drivers/esphome.ts'
import { homeAssistant } from '../../src/drivers/home-assistant.ts'
import { shelly } from '../../src/drivers/shelly.ts'
import { play } from './recorded/play.ts'

const answer = (status: number, body: unknown) => ({
  status,
  body: JSON.stringify(body),
  challenge: null,
})

describe('a relay of Shelly', () => {
  const relay = shelly({
    url: 'http://192.168.1.40',
    switch: 0,
    seconds: 3,
    password: 'relay password',
  })

  test('switches off by itself', () => {
    expect(relay.open).toMatchObject({ method: 'POST', url: 'http://192.168.1.40/rpc' })
    expect(JSON.parse(relay.open.body ?? '')).toStrictEqual({
      id: 1,
      method: 'Switch.Set',
      params: { id: 0, on: true, toggle_after: 3 },
    })
  })

  test('says that it switched, and never that the door opened', () => {
    const said = relay.heardOpen(answer(200, { id: 1, src: 'shelly', result: { was_on: false } }))
    expect(said).toMatchObject([
      { kind: 'switched', says: 'the relay switched' },
      { kind: 'availability', isOnline: true },
    ])
    const failed = { id: 1, error: { code: -105, message: 'Argument id, value 7 not found!' } }
    expect(relay.heardOpen(answer(200, failed))).toStrictEqual([
      { kind: 'failed', says: 'Argument id, value 7 not found!' },
    ])
    expect(relay.heardOpen(answer(401, null))).toStrictEqual([
      { kind: 'failed', says: 'HTTP status 401' },
    ])
    const status = answer(200, { id: 1, result: { id: 0, output: true } })
    expect(relay.heardStatus(status).map(({ kind }) => kind)).toStrictEqual(['availability'])
  })
})

test('a digest is that of RFC 7616 section 3.9.1', () => {
  const proven = withDigest(
    { method: 'GET', url: 'http://www.example.org/dir/index.html', headers: {} },
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    {
      username: 'Mufasa',
      password: 'Circle of Life',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    },
  )
  expect(proven?.headers['authorization']).toContain(
    'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
  )
})

test('only a challenge for a digest with SHA-256 is answered', () => {
  const ask = { method: 'POST', url: 'http://relay/rpc', headers: {} } as const
  const proof = { username: 'admin', password: 'secret', cnonce: 'x' }
  for (const challenge of [
    'Basic realm="relay"',
    'Digest realm="relay", nonce="1", qop="auth", algorithm=MD5',
    'Digest realm="relay", nonce="1", algorithm=SHA-256',
    'Digest qop="auth", algorithm=SHA-256, nonce="1"',
    '',
  ])
    expect(withDigest(ask, challenge, proof)).toBeUndefined()
})

describe('a lock that Home Assistant drives', () => {
  const lock = homeAssistant({
    url: 'http://homeassistant.local:8123',
    entity: 'lock.front_door',
    action: 'unlock',
    token: 'long-lived',
  })

  test('is told to open by a service, whose answer means nothing', () => {
    expect(lock.open).toStrictEqual({
      method: 'POST',
      url: 'http://homeassistant.local:8123/api/services/lock/unlock',
      headers: { authorization: 'Bearer long-lived', 'content-type': 'application/json' },
      body: '{"entity_id":"lock.front_door"}',
    })
    expect(lock.heardOpen(answer(200, []))).toBeEmpty()
    expect(lock.heardOpen(answer(200, [{ state: 'unlocked' }]))).toBeEmpty()
    expect(lock.heardOpen(answer(401, {}))).toStrictEqual([
      { kind: 'failed', says: 'HTTP status 401' },
    ])
    expect(lock.watchesState).toBeTrue()
  })

  test('has the state that its entity has', () => {
    const state = (name: string) => lock.heardStatus(answer(200, { state: name }))
    const online = { kind: 'availability', isOnline: true }
    expect(state('unlocked')).toStrictEqual([
      online,
      { kind: 'state', state: 'unlocked', isOld: false },
    ] as never)
    expect(state('unknown')).toStrictEqual([online] as never)
    expect(state('unavailable')).toStrictEqual([{ kind: 'availability', isOnline: false }])
    expect(lock.heardStatus(answer(404, {}))).toStrictEqual([
      { kind: 'availability', isOnline: false, says: 'HTTP status 404' },
    ])
  })
})

test('a lock of ESPHome says its state, and nobody', () => {
  const lock = esphome({ node: 'door', id: 'front', action: 'open' })
  expect(lock.open).toStrictEqual({ topic: 'door/lock/front/command', payload: 'OPEN' })
  const told = play(lock as never, [
    [0, 'door/status', 'online'],
    [1, 'door/lock/front/state', 'LOCKED', 'retained'],
    [2, 'door/lock/front/state', 'UNLOCKING'],
    [3, 'door/lock/front/state', 'NONSENSE'],
  ])
  expect(told).toMatchObject([
    { kind: 'availability', isOnline: true },
    { kind: 'state', state: 'locked', isOld: true },
    { kind: 'state', state: 'unlocking', isOld: false },
  ])
  expect(told).toHaveLength(3)
})
