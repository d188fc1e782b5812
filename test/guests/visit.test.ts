import { describe, expect, test } from 'bun:test'
import { qrSvg } from '../../src/http/page/qr.ts'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'
import { tableNames, textOf } from '../support/tables.ts'

describe('a guest with a link', () => {
  test('looks, puts the pass into use and opens the door, and the decision is recorded', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ uses: 2 })
    expect(made.link).toMatch(/^http:\/\/[^/]+\/guest#pass=[A-Za-z0-9_-]{22}$/)
    expect(made.qr_svg).toBe(qrSvg(made.link))
    expect(made.holder).toStrictEqual({
      pass: { id: passIdOf(made), label: 'Plumber', devices_max: 2 },
    })
    const phone = guestPhone(home)
    const looked = await phone.look(codeOf(made))
    expect(looked).toMatchObject({
      status: 200,
      body: {
        host: 'oli',
        label: 'Plumber',
        home_zone: 'Europe/Berlin',
        doors: [{ lock: 'front-door', name: 'Front door' }],
        uses: { number: 0, max: 2 },
        state: 'now',
        bound: { count: 0, max: 2 },
        next_at: null,
        in_app: false,
      },
    })
    expect(phone.cookie()).toBe('')
    expect((await home.pass(made)).body).toMatchObject({
      looked_at: expect.any(String),
      devices: [],
    })
    expect((await phone.bind(codeOf(made))).body.bound).toStrictEqual({ count: 1, max: 2 })
    expect(phone.cookie()).toStartWith('lock-guest=')
    const { status, body } = await phone.unlock()
    expect([status, body.decision, body.reason, body.use, body.delivery]).toStrictEqual([
      200,
      'permitted',
      null,
      { number: 1, max: 2 },
      'no_controller',
    ])
    const [unlock] = await home.logged()
    expect(unlock).toMatchObject({
      seq: body.seq,
      result: 'permitted',
      source: 'decided',
      method: 'guest',
      username: 'Plumber',
    })
    const headers = home.as('oli')
    const audited = (await (await home.get('/v1/audit?limit=10', headers)).json()) as {
      events: { action: string; subject: { id: string } | null }[]
    }
    expect(
      audited.events.filter(({ subject }) => subject?.id === `pass:${passIdOf(made)}`),
    ).toMatchObject([{ action: 'pass.bind' }, { action: 'pass.make' }])
  })

  test('leaves the code of the link neither in the log of the process nor in a table', async () => {
    await using home = await homeWithGuests({}, { LOG_LEVEL: 'debug' })
    const made = await home.invite({ holder: { pass: { label: 'Plumber', devices_max: 1 } } })
    const code = codeOf(made)
    const [phone, other] = [guestPhone(home), guestPhone(home)]
    await phone.look(code)
    expect((await phone.bind(code)).status).toBe(200)
    expect((await other.bind(code)).status).toBe(409)
    await phone.unlock()
    const logged = home.logLines.join('\n')
    const stored = await textOf(home.db, await tableNames())
    expect([logged.includes('/v1/guest/bind'), stored.includes('Plumber')]).toEqual([true, true])
    for (const form of [code, Buffer.from(code, 'base64url').toString('hex')])
      expect([logged.includes(form), stored.includes(form)]).toEqual([false, false])
  })
})
