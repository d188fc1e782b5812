import { describe, expect, test } from 'bun:test'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'

const MEMBERS = { GUEST_PASSES: 'members' }

/** A home where members may invite guests, and Eva may open the front door. */
const homeOfEva = async (grant: object = {}) => {
  const home = await homeWithGuests({}, MEMBERS)
  const made = await home.grant({ holder: home.holder('eva'), locks: ['front-door'], ...grant })
  const invited = await home.invite({}, 'eva')
  const phone = guestPhone(home)
  await phone.bind(codeOf(invited))
  return {
    ...home,
    own: made.body,
    invited,
    phone,
    /** The reason of a denial, or `permitted`. */
    outcome: async (lock = 'front-door'): Promise<string> => {
      const { body } = await phone.unlock({ lock })
      return body.reason ?? body.decision
    },
    [Symbol.asyncDispose]: home[Symbol.asyncDispose],
  }
}

describe('a member who invites a guest', () => {
  test('may share the doors of grants without counted visits, and no others', async () => {
    await using home = await homeWithGuests({}, MEMBERS)
    const asked = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'] }
    const refusal = { status: 403, body: { code: 'beyond_your_grants' } }
    expect(await home.grant(asked, 'eva')).toMatchObject(refusal)
    await home.grant({ holder: home.holder('eva'), locks: ['front-door'], uses: 3 })
    expect(await home.grant(asked, 'eva')).toMatchObject(refusal)
    await home.grant({ holder: home.holder('eva'), locks: ['front-door'] })
    expect(await home.grant(asked, 'eva')).toMatchObject({ status: 201 })
    // Nor does the member learn which doors there are.
    for (const locks of ['all', ['garage'], ['front-door', 'garage'], ['attic'], ['cellar']])
      expect(await home.grant({ ...asked, locks }, 'eva')).toMatchObject(refusal)
    await home.grant({ holder: { role: 'member' }, locks: ['garage'] })
    expect(await home.grant({ ...asked, locks: ['garage'] }, 'eva')).toMatchObject({ status: 201 })
    expect(await home.preview({ ...asked, locks: 'all' }, 'eva')).toMatchObject(refusal)
  })

  test('needs GUEST_PASSES=members, and to be let in', async () => {
    await using home = await homeWithGuests()
    await home.grant({ holder: home.holder('eva'), locks: ['front-door'] })
    const asked = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'] }
    const refusal = { status: 403, body: { code: 'guests_by_admins' } }
    expect(await home.grant(asked, 'eva')).toMatchObject(refusal)
    expect(await home.preview(asked, 'eva')).toMatchObject(refusal)
    expect(await home.grant(asked, 'amy')).toMatchObject({ status: 201 })
    const other = { holder: home.holder('max'), locks: ['front-door'] }
    expect(await home.grant(other, 'eva')).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
  })

  test('changes and revokes what the guest may open, and nobody else’s', async () => {
    await using home = await homeOfEva()
    const { id, version } = home.invited
    expect(await home.change(id, { uses: 2 }, version, 'max')).toMatchObject({ status: 404 })
    expect(await home.revoke(id, {}, 'max')).toMatchObject({ status: 404 })
    expect(await home.change(id, { locks: ['garage'] }, version, 'eva')).toMatchObject({
      status: 403,
      body: { code: 'beyond_your_grants' },
    })
    const changed = await home.change(id, { uses: 2 }, version, 'eva')
    expect(changed).toMatchObject({ status: 200, body: { uses: 2, version: 2 } })
    expect(await home.outcome()).toBe('permitted')
    expect(await home.revoke(id, {}, 'eva')).toStrictEqual({
      status: 200,
      body: { effective: [{ lock: 'front-door', now: true }] },
    })
    expect(await home.phone.unlock()).toMatchObject({ status: 401 })
    expect(await home.phone.look(codeOf(home.invited))).toMatchObject({
      status: 404,
      body: { code: 'no_such_pass' },
    })
  })
})

describe('a pass is never wider than what its host may open', () => {
  test('when the host loses the grant, or it has other hours', async () => {
    await using home = await homeOfEva()
    const { id } = home.own
    expect(await home.outcome()).toBe('permitted')
    // It is Monday, 11:00.
    const windows = [{ days: ['tue'], from: '09:00', until: '13:00' }]
    await home.change(id, { windows }, 1)
    expect(await home.phone.unlock()).toMatchObject({
      body: { reason: 'suspended', next_at: '2040-03-20T08:00:00.000Z' },
    })
    await home.change(id, { windows: null, uses: 5 }, 2)
    expect(await home.outcome()).toBe('suspended')
    await home.change(id, { uses: null }, 3)
    expect(await home.outcome()).toBe('permitted')
    await home.revoke(id)
    expect(await home.phone.unlock()).toMatchObject({
      body: { reason: 'suspended', next_at: null },
    })
    expect((await home.pass(home.invited, 'eva')).body.state).toBe('suspended')
  })

  test('when the host is disabled, has to wait again or has ended', async () => {
    await using home = await homeOfEva()
    const person = `/v1/people/${home.idOf('eva')}`
    const set = async (body: object) =>
      expect((await home.patch(person, body, home.as('oli'))).status).toBe(200)
    for (const [stop, start] of [
      [{ disabled: true }, { disabled: false }],
      [{ admitted: false }, { admitted: true }],
    ] as const) {
      await set(stop)
      expect(await home.outcome()).toBe('suspended')
      await set(start)
      expect(await home.outcome()).toBe('permitted')
    }
    await home.db.run(
      'UPDATE account SET ends_at_ms = ? WHERE public_id = ?',
      home.clock.nowMs,
      home.idOf('eva'),
    )
    expect(await home.outcome()).toBe('suspended')
  })

  test('when an admin who invited a guest is a member again', async () => {
    await using home = await homeWithGuests()
    const phone = guestPhone(home)
    await phone.bind(codeOf(await home.invite({}, 'amy')))
    expect(await phone.unlock()).toMatchObject({ body: { decision: 'permitted' } })
    await home.grant({ holder: home.holder('eva'), locks: ['front-door'] })
    const amy = `/v1/people/${home.idOf('amy')}`
    await home.patch(amy, { role: 'member' }, home.as('oli'))
    await home.grant({ holder: home.holder('amy'), locks: ['front-door'] })
    // Members may not invite guests here, whatever they may open.
    expect(await phone.unlock()).toMatchObject({ body: { reason: 'suspended' } })
  })

  test('when GUEST_PASSES is admins again', async () => {
    await using home = await homeWithGuests()
    const eva = home.idOf('eva')
    await home.grant({ holder: home.holder('eva'), locks: ['front-door'] })
    const invited = await home.invite()
    await home.db.run('UPDATE pass SET made_by = ? WHERE id = ?', eva, passIdOf(invited))
    const phone = guestPhone(home)
    await phone.bind(codeOf(invited))
    expect(await phone.unlock()).toMatchObject({ body: { reason: 'suspended' } })
    expect(await home.revoke(invited.id, {}, 'eva')).toMatchObject({ status: 200 })
  })

  test('when the host is erased: the pass waits for an owner, and names nobody', async () => {
    await using home = await homeOfEva()
    const erased = await home.delete(`/v1/people/${home.idOf('eva')}`, {}, home.as('oli'))
    expect(erased.status).toBe(200)
    expect(await home.outcome()).toBe('suspended')
    const { body } = await home.pass(home.invited)
    expect([body.host, body.state, body.grant.made_by]).toStrictEqual([null, 'suspended', null])
    expect((await home.phone.pass()).body.host).toBeNull()
    const kept = await home.db.get('SELECT made_by FROM pass')
    expect(kept).toStrictEqual({ made_by: null })
  })
})

describe('why a guest may open a door or not', () => {
  test('is explained to the host and to admins, and to nobody else', async () => {
    await using home = await homeOfEva()
    const windows = [{ days: ['tue'], from: '09:00', until: '13:00' }]
    await home.change(home.own.id, { windows }, 1)
    const why = async (name: string, query = '', label = 'front-door') => {
      const path = `/v1/locks/${label}/access?holder=pass:${passIdOf(home.invited)}${query}`
      const answer = await home.get(path, home.as(name))
      return { status: answer.status, body: (await answer.json()) as object }
    }
    const explained = {
      status: 200,
      body: {
        decision: 'denied',
        reason: 'suspended',
        next_at: '2040-03-20T08:00:00.000Z',
        grants: [{ id: home.invited.id, role: null, reason: 'suspended', words: 'always' }],
      },
    }
    for (const name of ['eva', 'amy']) expect(await why(name)).toMatchObject(explained)
    expect(await why('eva', '&at=2040-03-20T09:00:00Z')).toMatchObject({
      body: { decision: 'permitted', next_at: null },
    })
    expect((await why('max')).status).toBe(403)
    expect((await why('eva', '', 'attic')).status).toBe(404)
  })
})

describe('the list of passes', () => {
  test('shows a member their own guests, and admins all', async () => {
    await using home = await homeOfEva()
    await home.grant({ holder: { role: 'member' }, locks: ['garage'] })
    const ofMax = await home.invite({ locks: ['garage'] }, 'max')
    const idsFor = async (name: string) =>
      (await home.passes('', name)).body.passes.map(({ id }) => id)
    const [eva, max] = [passIdOf(home.invited), passIdOf(ofMax)]
    expect(await idsFor('eva')).toStrictEqual([eva])
    expect(await idsFor('max')).toStrictEqual([max])
    expect(await idsFor('amy')).toStrictEqual([max, eva])
    expect((await home.pass(ofMax, 'eva')).status).toBe(404)
    expect((await home.pass(home.invited, 'eva')).body).toMatchObject({
      label: 'Plumber',
      host: { id: home.idOf('eva'), name: 'eva' },
      grant: { id: home.invited.id, locks: ['front-door'] },
      state: 'now',
      devices: [{ name: 'iPhone', removed_at: null }],
      devices_max: 2,
      looked_at: null,
      asked_at: null,
      refused_at: null,
    })
    const found = await home.grants(`?holder=pass:${eva}`, 'eva')
    expect(found.body.grants).toMatchObject([{ id: home.invited.id, made_by: home.idOf('eva') }])
    expect((await home.grants(`?holder=pass:${eva}`, 'max')).body.grants).toStrictEqual([])
  })

  test('is read page by page, by state', async () => {
    await using home = await homeWithGuests()
    const made = []
    for (let n = 0; n < 5; n++) made.push(passIdOf(await home.invite()))
    const later = passIdOf(await home.invite({ starts_at: '2040-04-01T09:00' }))
    const ended = await home.invite()
    await home.revoke(ended.id)
    const first = (await home.passes('?state=now&limit=3')).body
    expect(first.passes.map(({ id }) => id)).toStrictEqual(made.slice(2).toReversed())
    const second = (await home.passes(`?state=now&limit=3&cursor=${first.next}`)).body
    expect(second.passes.map(({ id }) => id)).toStrictEqual(made.slice(0, 2).toReversed())
    expect(second.next).toBeNull()
    const ids = async (state: string) =>
      (await home.passes(`?state=${state}`)).body.passes.map(({ id }) => id)
    expect(await ids('later')).toStrictEqual([later])
    expect(await ids('ended')).toStrictEqual([passIdOf(ended)])
  })

  test('shows what the guest did, to the host and to nobody else', async () => {
    await using home = await homeOfEva()
    await home.phone.unlock()
    await home.phone.unlock({ lock: 'garage' })
    const path = `/v1/passes/${passIdOf(home.invited)}/unlocks`
    const read = async (name: string, query = '') =>
      (await (await home.get(path + query, home.as(name))).json()) as {
        unlocks: object[]
        next: string | null
      }
    expect((await home.get(path, home.as('max'))).status).toBe(404)
    expect((await read('eva')).unlocks).toMatchObject([
      { lock: 'garage', result: 'denied', reason: 'no_grant', username: 'Plumber' },
      { lock: 'front-door', result: 'permitted' },
    ])
    const first = await read('eva', '?limit=1')
    expect((await read('eva', `?limit=1&cursor=${first.next}`)).unlocks).toMatchObject([
      { lock: 'front-door' },
    ])
  })
})

describe('a pass', () => {
  test('gets a new link, which ends the old one and its phones', async () => {
    await using home = await homeOfEva()
    const path = `/v1/passes/${passIdOf(home.invited)}`
    expect((await home.post(`${path}/link`, {}, home.as('max'))).status).toBe(404)
    const made = (await (await home.post(`${path}/link`, {}, home.as('eva'))).json()) as {
      link: string
      qr_svg: string
    }
    expect(made.qr_svg).toStartWith('<svg')
    expect((await home.phone.look(codeOf(home.invited))).status).toBe(404)
    expect((await home.phone.unlock()).status).toBe(401)
    expect((await home.phone.bind(codeOf(made))).status).toBe(200)
    expect(await home.outcome()).toBe('permitted')
  })

  test('is renamed, allows another phone, and loses one', async () => {
    await using home = await homeOfEva()
    const path = `/v1/passes/${passIdOf(home.invited)}`
    const change = async (body: object, by = 'eva') => {
      const answer = await home.patch(path, body, home.as(by))
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    }
    expect(await change({ label: 'x' }, 'max')).toMatchObject({ status: 404 })
    expect(await change({ label: '\u202Ex' })).toMatchObject({ status: 400 })
    expect(await change({ label: ' Gast ', devices_max: 1 })).toMatchObject({
      status: 200,
      body: { label: 'Gast', devices_max: 1 },
    })
    const second = guestPhone(home)
    expect((await second.bind(codeOf(home.invited))).status).toBe(409)
    expect((await change({ devices_max: 2 })).body['refused_at']).not.toBeNull()
    expect((await change({ handled: true })).body['refused_at']).toBeNull()
    expect((await second.bind(codeOf(home.invited))).status).toBe(200)
    const [first] = (await home.pass(home.invited)).body.devices
    const device = `${path}/devices/${first?.id}`
    expect((await home.delete(device, {}, home.as('eva'))).status).toBe(200)
    expect((await home.delete(device, {}, home.as('eva'))).status).toBe(404)
    expect((await home.phone.unlock()).status).toBe(401)
    expect((await second.unlock()).body.decision).toBe('permitted')
  })

  test('with a key of a booking is created once', async () => {
    await using home = await homeWithGuests()
    const booking = {
      key: 'booking-4711',
      holder: { pass: { label: 'Guest' } },
      locks: ['front-door'],
    }
    const made = await home.grant(booking)
    const again = await home.grant(booking)
    expect([made.status, again.status, again.body.id]).toStrictEqual([201, 200, made.body.id])
    expect(again.body).not.toHaveProperty('link')
    const other = { ...booking, holder: { pass: { label: 'Other' } } }
    expect(await home.grant(other)).toMatchObject({ status: 409, body: { code: 'key_taken' } })
  })
})
