import { describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { Password } from '../../../src/accounts/core/schema.ts'
import { text } from '../../../src/http/request/text.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'

const NAME = 'Nguyễn Thị Phương Thảo Hoàng Ngọc Ánh Tuyết Minh K'

describe('the length of a text', () => {
  const accepts = (value: string) => Value.Check(text({ min: 1, max: 3 }), value)

  test('counts characters as composed, without the space around them', () => {
    for (const value of ['ấấấ'.normalize('NFD'), '  abc ', '🔑🔑🔑', 'abc', ' a'])
      expect([value, accepts(value)]).toEqual([value, true])
    for (const value of ['abcd', 'ấấấấ', '', ' ', ' \u00A0 ', 'a\ud800', 'a\u0000'])
      expect([value, accepts(value)]).toEqual([value, false])
  })

  test('is bounded as sent too: space and marks cannot be stored without end', () => {
    expect(accepts(`a${' '.repeat(12)}`)).toBe(false)
    expect(accepts(`a${'\u0301'.repeat(100_000)}`)).toBe(false)
  })

  test('of a password counts what was typed', () => {
    expect(Value.Check(Password, ' '.repeat(1024))).toBe(true)
    expect(Value.Check(Password, ' '.repeat(1025))).toBe(false)
    expect(Value.Check(Password, 'ấ'.repeat(1024).normalize('NFD'))).toBe(false)
  })
})

describe('what a client may send, decomposed', () => {
  const logIn = async (app: TestApp, username: string, password = PASSWORD) => {
    const answer = await app.post('/login', { username, password })
    return answer.status === 200
      ? ((await answer.json()) as { access_token: string }).access_token
      : answer.status
  }
  const decomposed = (value: string): string => ` ${value.normalize('NFD')} `

  test('a name of 50 characters, registered and logged in with in any composition', async () => {
    expect(Array.from(NAME)).toHaveLength(50)
    await using app = await startApp()
    const person = { username: NAME, password: PASSWORD, phone: '1', address: 'x' }
    expect((await app.post('/register', { ...person, username: decomposed(NAME) })).status).toBe(
      200,
    )
    const again = await app.post('/register', person)
    expect(await again.json()).toEqual({ msg: 'User already exists' })
    expect(await logIn(app, NAME)).toBeString()
    expect(await logIn(app, decomposed(NAME))).toBeString()
    const longer = await app.post('/register', { ...person, username: `${NAME}x` })
    expect(await longer.json()).toEqual({ msg: 'Invalid username' })
  })

  test('every text of every body at its greatest length', async () => {
    await using app = await startApp()
    const owner = bearer(await app.signIn('own', 'owner'))
    const filled = (length: number) => decomposed('ấ'.repeat(length))
    const contact = { phone: filled(32), address: filled(200), email: filled(254) }
    expect((await app.patch('/v1/me', contact, owner)).status).toBe(200)
    const registered = { username: 'eve', password: PASSWORD, ...contact }
    expect((await app.post('/register', registered)).status).toBe(200)
    const calls: [string, object][] = [
      ['/logUnlocking', { 'unlocking-method': filled(80) }],
      ['/v1/unlocks', { method: filled(80) }],
      ['/v1/invitations', { role: 'member', label: filled(80) }],
    ]
    for (const [path, body] of calls)
      expect([path, (await app.post(path, body, owner)).status]).toEqual([path, 200])
    for (const [path, body] of calls) {
      const longer = JSON.stringify(body).normalize('NFC').replaceAll('ấ ', 'ấấ')
      expect([path, (await app.post(path, longer, owner)).status]).toEqual([path, 400])
    }
    for (const path of ['/v1/unlocks?text=', '/v1/unlocks?method=', '/v1/people?text=']) {
      const answer = await app.get(path + encodeURIComponent(filled(80)), owner)
      expect([path, answer.status]).toEqual([path, 200])
    }
  })

  test('a password is compared as typed: spaces count, composition does not', async () => {
    await using app = await startApp()
    const password = ' ấm trà xanh '
    const person = { username: 'mai', password, phone: '1', address: 'x' }
    expect((await app.post('/register', person)).status).toBe(200)
    expect(await logIn(app, 'mai', password.normalize('NFD'))).toBeString()
    expect(await logIn(app, 'mai', password.trim())).toBe(401)
  })

  test('a method is stored as sent, and found and counted however it is written', async () => {
    await using app = await startApp()
    const token = bearer(await app.signIn('ada'))
    const methods = ['Vân tay', 'vân tay'.normalize('NFD'), 'VÂN TAY', 'pin']
    for (const method of methods)
      await app.post('/logUnlocking', { 'unlocking-method': method }, token)
    const listed = async (query: string) => {
      const answer = await app.get(`/v1/unlocks?order=oldest&${query}`, token)
      return ((await answer.json()) as { unlocks: { method: string }[] }).unlocks.map(
        ({ method }) => method,
      )
    }
    expect(await listed('')).toEqual(methods)
    expect(await listed(`method=${encodeURIComponent('vân tay')}`)).toEqual(methods.slice(0, 3))
    expect(await listed(`text=${encodeURIComponent('ÂN')}`)).toEqual(methods.slice(0, 3))
    const stats = await (await app.get('/v1/unlocks/stats', token)).json()
    expect(stats).toMatchObject({ total: 4, methods: [{ count: 3 }, { method: 'pin', count: 1 }] })
  })
})
