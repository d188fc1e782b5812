import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { qrSvg } from '../../../src/http/page/qr.ts'
import { PASSWORD, recordsOf } from '../../support/app.ts'
import { testController } from '../../support/controller.ts'
import { controlledHome } from '../../support/controlled-home.ts'

const codeOf = async (answer: Response): Promise<string> =>
  `${answer.status} ${((await answer.json()) as { code?: string }).code}`

describe('the code that enrols a controller', () => {
  test('needs an owner and their password', async () => {
    await using home = await controlledHome()
    const ask = (by: string, body: object, label = 'front-door') =>
      home.post(`/v1/locks/${label}/controllers`, body, home.as(by))
    expect((await ask('amy', { password: PASSWORD })).status).toBe(403)
    expect(await codeOf(await ask('oli', { password: 'wrong' }))).toBe('403 wrong_password')
    expect((await ask('oli', {})).status).toBe(400)
    expect((await ask('oli', { password: PASSWORD }, 'nowhere')).status).toBe(404)
    const answer = await ask('oli', { password: PASSWORD })
    expect(answer.status).toBe(200)
    const made = (await answer.json()) as Record<string, string>
    expect(made['command']).toContain(`--code ${made['code']}`)
    expect(made['qr_svg']).toBe(qrSvg(made['command'] ?? ''))
    expect(recordsOf(home.logLines, 'controller.enrol_code')).toMatchObject([
      { subject: 'front-door', result: 'success' },
    ])
    expect(home.logLines.join()).not.toContain(made['code'] ?? '')
  })

  test('works once, within half an hour, for anyone with a key', async () => {
    await using home = await controlledHome()
    const code = await home.makeCode()
    const [one, other] = [await testController(home.url), await testController(home.url)]
    const statuses = await Promise.all([one.enrol(code), other.enrol(code)])
    expect(new Set(statuses)).toStrictEqual(new Set([200, 404]))
    const late = await home.makeCode()
    home.clock.nowMs += 30 * 60_000
    home.clock.passedMs += 30 * 60_000
    expect(await other.enrol(late)).toBe(404)
  })

  test('is worthless with another key, another code or no proof', async () => {
    await using home = await controlledHome()
    const code = await home.makeCode()
    const [one, other] = [await testController(home.url), await testController(home.url)]
    const body = await one.enrolment(code)
    const post = async (changed: object) =>
      codeOf(await home.post('/v1/controller/enrol', { ...body, ...changed }))
    const stolen = (await other.enrolment(code)).proof
    expect(await post({ proof: stolen })).toBe('404 no_such_code')
    expect(await post({ public_key: other.publicKey.toBase64() })).toBe('404 no_such_code')
    expect(await post({ proof: (await one.enrolment('other')).proof })).toBe('404 no_such_code')
    expect(await post({ code: 'other' })).toBe('404 no_such_code')
    expect(await post({ proof: 'AAAA' })).toBe('404 no_such_code')
    expect(await post({ proof: '!' })).toBe('400 invalid')
    expect(await post({ public_key: 'A'.repeat(88) })).toBe('404 no_such_code')
    expect(await post({ name: '\u200b' })).toBe('400 invalid')
    expect(await post({ name: 'Pi \u202e' })).toBe('400 invalid')
    // None of these used it up.
    expect(await one.enrol(code)).toBe(200)
  })

  test('can be tried ten times a minute by a client', async () => {
    await using home = await controlledHome({ RATE_LIMIT_AUTH: '1000/minute' })
    const controller = await testController(home.url)
    const statuses: number[] = []
    for (let tries = 0; tries < 11; tries += 1) statuses.push(await controller.enrol('guess'))
    expect(statuses).toStrictEqual([...Array.from({ length: 10 }, () => 404), 429])
  })

  test('is for a lock without a driver, and a lock with controllers gets no driver', async () => {
    await using home = await controlledHome()
    const driver = {
      kind: 'shelly',
      settings: { url: 'http://127.0.0.1:1' },
    }
    await home.enrolled()
    const put = await home.put('/v1/locks/front-door/driver', driver, home.as('oli'))
    expect(await codeOf(put)).toBe('409 controller_set')
    await home.post('/v1/locks', { label: 'garage', name: 'Garage' }, home.as('oli'))
    const set = await home.put('/v1/locks/garage/driver', driver, home.as('oli'))
    expect(set.status).toBe(200)
    const made = await home.post(
      '/v1/locks/garage/controllers',
      { password: PASSWORD },
      home.as('oli'),
    )
    expect(await codeOf(made)).toBe('409 driver_set')
  })

  test('is refused for a lock with four controllers, and at enrolling', async () => {
    await using home = await controlledHome()
    const codes = [await home.makeCode(), await home.makeCode()]
    for (let count = 0; count < 3; count += 1) await home.enrolled()
    const [one, other] = [await testController(home.url), await testController(home.url)]
    expect(await one.enrol(codes[0] ?? '')).toBe(200)
    expect(await other.enrol(codes[1] ?? '')).toBe(409)
    const made = await home.post(
      '/v1/locks/front-door/controllers',
      { password: PASSWORD },
      home.as('oli'),
    )
    expect(await codeOf(made)).toBe('409 too_many_controllers')
  })
})

describe('a controller', () => {
  test('gets the door key, whose private half only the gateway has', async () => {
    await using home = await controlledHome()
    expect(existsSync(join(home.folder, 'data/door-signing-key'))).toBe(false)
    const controller = await home.enrolled()
    const path = join(home.folder, 'data/door-signing-key')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const secret = readFileSync(path, 'utf8').trim()
    expect(home.logLines.join()).not.toContain(secret)
    const rows = await home.db.all<{ text: string }>(
      'SELECT body AS text FROM log_record UNION ALL SELECT detail FROM audit_event',
    )
    expect(rows.map(({ text }) => text).join()).not.toContain(secret)
    expect(await home.records()).toStrictEqual(['door_key.made', 'device.enrolled'])
    expect(await controller.poll()).toBeUndefined()
  })

  test('is removed by an owner with their password, and its token ends at once', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const polling = controller.poll({ wait: 20 })
    await home.online()
    const remove = (by: string, password: string) =>
      home.delete(`/v1/controllers/${controller.id()}`, { password }, home.as(by))
    expect((await remove('amy', PASSWORD)).status).toBe(403)
    expect(await codeOf(await remove('oli', 'wrong'))).toBe('403 wrong_password')
    expect((await remove('oli', PASSWORD)).status).toBe(200)
    expect(await polling).toBeUndefined()
    expect(
      (await home.get('/v1/controller/commands?nonce=PpmMh9Xt8Wf3wMcAJd4v8A', controller.headers()))
        .status,
    ).toBe(401)
    expect((await controller.send(await controller.next('started'))).status).toBe(401)
    expect(await home.listed()).toMatchObject([{ id: controller.id(), state: 'removed' }])
    expect((await remove('oli', PASSWORD)).status).toBe(404)
    expect(await home.records()).toContain('device.revoked')
    // The lock has neither driver nor controllers any more.
    expect(await home.ask()).toMatchObject({ delivery: 'no_controller' })
  })

  test('that was removed enrols again with its key, and goes on with its chain', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    await controller.send(await controller.next('started'))
    await home.delete(`/v1/controllers/${controller.id()}`, { password: PASSWORD }, home.as('oli'))
    const id = controller.id()
    expect(await controller.enrol(await home.makeCode())).toBe(200)
    expect(controller.id()).toBe(id)
    expect(await (await controller.send(await controller.next('started'))).json()).toStrictEqual({
      through: 2,
      missing: [],
    })
  })

  test('whose answer to its enrolment was lost enrols again with another code', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const before = controller.headers()
    expect(await controller.enrol(await home.makeCode())).toBe(200)
    const nonce = 'PpmMh9Xt8Wf3wMcAJd4v8A'
    expect((await home.get(`/v1/controller/commands?nonce=${nonce}&wait=0`, before)).status).toBe(
      401,
    )
    expect(await controller.poll()).toBeUndefined()
    expect(await home.listed()).toHaveLength(1)
  })

  test('of another lock, and one that was copied, cannot enrol with the same key', async () => {
    await using home = await controlledHome()
    const lock = { label: 'garage', name: 'Garage' }
    await home.post('/v1/locks', lock, home.as('oli'))
    const controller = await home.enrolled()
    expect(await controller.enrol(await home.makeCode('garage'))).toBe(409)
    const start = controller.chain()
    await controller.send(await controller.next('started'))
    controller.rewind(start)
    await controller.send(await controller.next('opening'))
    await home.delete(`/v1/controllers/${controller.id()}`, { password: PASSWORD }, home.as('oli'))
    expect(await controller.enrol(await home.makeCode())).toBe(409)
  })
})
