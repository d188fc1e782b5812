import { describe, expect, test } from 'bun:test'
import { lockClaim } from '../../src/domain/statement/claims.ts'
import { makeKeyPair, publicKeyOf, signWith } from '../../src/domain/statement/p256.ts'
import { signStatement } from '../../src/domain/statement/statement.ts'
import { codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeWithGuests } from '../support/home-with-guests.ts'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** A key of a phone, and what it signs for a door. */
const deviceKey = async () => {
  const pair = await makeKeyPair(false)
  return {
    publicKey: base64(await publicKeyOf(pair)),
    knock: async (given: { lockId: string; id: string; counter: number }) =>
      base64(
        await signStatement(
          {
            kind: 'knock',
            lock: lockClaim(given.lockId),
            counter: given.counter,
            attempt: given.id,
          },
          signWith(pair.privateKey),
        ),
      ),
  }
}

describe('[7] a link that was passed on', () => {
  test('is refused on a second phone, recorded once and told to the host; the first phone still opens', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ holder: { pass: { label: 'Plumber', devices_max: 1 } } })
    const [first, second] = [guestPhone(home), guestPhone(home)]
    await first.bind(codeOf(made))
    for (let n = 0; n < 3; n++)
      expect(await second.bind(codeOf(made))).toMatchObject({
        status: 409,
        body: { code: 'another_device' },
      })
    expect(second.cookie()).toBe('')
    const denied = (await home.logged()).filter(({ result }) => result === 'denied')
    expect(denied).toMatchObject([
      { reason: 'another_device', lock: 'front-door', username: 'Plumber', source: 'decided' },
    ])
    const audited = await home.db.all(
      "SELECT result, subject FROM audit_event WHERE action = 'pass.refuse'",
    )
    expect(audited).toStrictEqual([{ result: 'failure', subject: `pass:${passIdOf(made)}` }])
    expect((await home.pass(made)).body.refused_at).not.toBeNull()
    expect(await first.unlock()).toMatchObject({ body: { decision: 'permitted' } })
  })

  test('opens on exactly one of two phones that bind at once', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ holder: { pass: { label: 'Plumber', devices_max: 1 } } })
    const phones = [guestPhone(home), guestPhone(home)]
    const bound = await Promise.all(phones.map((phone) => phone.bind(codeOf(made))))
    expect(bound.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(bound.filter(({ status }) => status === 409)).toHaveLength(1)
  })

  test('a request by a preview changes nothing', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite()
    const before = await home.pass(made)
    for (const method of ['GET', 'HEAD'])
      await fetch(made.link.replace(/^http:\/\/[^/]+/, home.url), { method })
    await home.get('/v1/guest/look')
    expect(await home.pass(made)).toStrictEqual(before)
  })

  test('a phone that kept the cookie and lost the key gets a new one, with one record', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite()
    const phone = guestPhone(home)
    const [lost, found] = [await deviceKey(), await deviceKey()]
    const { body } = await phone.bind(codeOf(made), lost.publicKey)
    const lockId = body.doors[0]?.id ?? ''
    const unlock = async (key: typeof found, counter: number) => {
      const id = crypto.randomUUID()
      const answer = await phone.unlock({ id, statement: await key.knock({ lockId, id, counter }) })
      return answer.body.reason ?? answer.body.decision
    }
    expect(await unlock(lost, 5)).toBe('permitted')
    expect(await unlock(found, 6)).toBe('bad_signature')
    for (let n = 0; n < 2; n++)
      expect(await phone.rekey(found.publicKey)).toMatchObject({ status: 200 })
    expect(await unlock(lost, 7)).toBe('bad_signature')
    expect(await unlock(found, 1)).toBe('permitted')
    const records = await home.db.all(
      'SELECT kind FROM log_record WHERE subject = ? ORDER BY seq',
      `pass:${passIdOf(made)}`,
    )
    expect(records).toStrictEqual([{ kind: 'pass.bound' }, { kind: 'pass.rekeyed' }])
  })
})

describe('many at once', () => {
  test('64 phones bind: exactly as many as the pass allows succeed', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ holder: { pass: { label: 'Party', devices_max: 3 } } })
    const phones = Array.from({ length: 64 }, () => guestPhone(home))
    const statuses = await Promise.all(
      phones.map(async (phone) => (await phone.bind(codeOf(made))).status),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(3)
    expect(statuses.filter((status) => status === 409)).toHaveLength(61)
    expect((await home.pass(made)).body.devices).toHaveLength(3)
  })

  test('64 guests share one visit: exactly one of them gets in', async () => {
    await using home = await homeWithGuests()
    const made = await home.invite({ uses: 1 })
    const phones = [guestPhone(home), guestPhone(home)]
    for (const phone of phones) await phone.bind(codeOf(made))
    // Phones try ten times a minute.
    await home.db.run('UPDATE pass SET devices_max = 5')
    for (let n = 0; n < 3; n++) {
      const phone = guestPhone(home)
      await phone.bind(codeOf(made))
      phones.push(phone)
    }
    const outcomes = await Promise.all(
      phones.flatMap((phone) =>
        Array.from({ length: 10 }, async () => {
          const { body } = await phone.unlock()
          return { phone, outcome: body.reason ?? body.decision }
        }),
      ),
    )
    const inside = new Set(
      outcomes.flatMap(({ phone, outcome }) => (outcome === 'permitted' ? phone : [])),
    )
    // Further attempts of a phone within two minutes are the same visit.
    expect(inside.size).toBe(1)
    expect(outcomes.filter(({ outcome }) => outcome === 'uses_spent')).toHaveLength(40)
    const grant = await home.db.get('SELECT uses FROM access_grant WHERE id = ?', made.id)
    expect(grant).toStrictEqual({ uses: 1 })
  })

  test('the same attempt 64 times is one leaf, and the same answer', async () => {
    await using home = await homeWithGuests({}, { RATE_LIMIT_UNLOCK: 'off' })
    const made = await home.invite({ uses: 1 })
    const [phone, other] = [guestPhone(home), guestPhone(home)]
    for (const one of [phone, other]) await one.bind(codeOf(made))
    const id = crypto.randomUUID()
    const answers = await Promise.all(Array.from({ length: 64 }, () => phone.unlock({ id })))
    expect(new Set(answers.map(({ body }) => body.seq)).size).toBe(1)
    expect(answers.filter(({ body }) => !body.repeat)).toHaveLength(1)
    expect(await other.unlock({ id })).toMatchObject({ status: 409, body: { code: 'id_taken' } })
  })
})

describe('what a phone signs', () => {
  const signing = async () => {
    const home = await homeWithGuests()
    const made = await home.invite({ locks: 'all' })
    const [phone, key] = [guestPhone(home), await deviceKey()]
    const { body } = await phone.bind(codeOf(made), key.publicKey)
    const lockIdOf = (label: string) => body.doors.find(({ lock }) => lock === label)?.id ?? ''
    return {
      ...home,
      phone,
      key,
      lockIdOf,
      outcome: async (given: Parameters<typeof phone.unlock>[0]) => {
        const { body: answer } = await phone.unlock(given)
        return answer.reason ?? answer.decision ?? answer.code
      },
      [Symbol.asyncDispose]: home[Symbol.asyncDispose],
    }
  }

  test('is about this attempt at this door, by its own key, and nothing else passes', async () => {
    await using home = await signing()
    const { key, lockIdOf, outcome } = home
    const id = crypto.randomUUID()
    const good = { lockId: lockIdOf('front-door'), id, counter: 1 }
    const bytes = Buffer.from(await key.knock({ ...good, counter: 9 }), 'base64')
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const bad = [
      undefined,
      base64(bytes),
      'AAAA',
      await key.knock({ ...good, lockId: lockIdOf('garage') }),
      await key.knock({ ...good, id: crypto.randomUUID() }),
      await (await deviceKey()).knock(good),
    ]
    for (const statement of bad) {
      const given = statement === undefined ? {} : { statement }
      // A refused attempt has its answer; a page asks with a new one.
      expect(await outcome({ ...given })).toBe('bad_signature')
    }
    expect(await outcome({ id, statement: await key.knock(good) })).toBe('permitted')
  })

  test('counts upwards, and nothing is accepted twice', async () => {
    await using home = await signing()
    const { key, lockIdOf, outcome } = home
    const knock = async (counter: number) => {
      const id = crypto.randomUUID()
      const statement = await key.knock({ lockId: lockIdOf('front-door'), id, counter })
      return outcome({ id, statement })
    }
    expect(await knock(1_800_000_000_000)).toBe('permitted')
    expect(await knock(1_800_000_000_000)).toBe('replayed')
    expect(await knock(5)).toBe('replayed')
    expect(await knock(1_800_000_000_001)).toBe('permitted')
  })

  test('counts once, also among attempts that are decided together', async () => {
    await using home = await signing()
    const { key, lockIdOf, outcome } = home
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const id = crypto.randomUUID()
        const statement = await key.knock({ lockId: lockIdOf('front-door'), id, counter: 7 })
        return outcome({ id, statement })
      }),
    )
    expect(outcomes.filter((one) => one === 'permitted')).toHaveLength(1)
    expect(outcomes.filter((one) => one === 'replayed')).toHaveLength(7)
  })

  test('is in the leaf by its hash, with the counter and the device', async () => {
    await using home = await signing()
    const { key, lockIdOf, phone } = home
    const id = crypto.randomUUID()
    const statement = await key.knock({ lockId: lockIdOf('front-door'), id, counter: 7 })
    const { body } = await phone.unlock({ id, statement })
    const stored = await home.db.get<{ hash: Uint8Array; counter: number }>(
      `SELECT unlock_statement.hash, unlock_guest.counter
       FROM unlock_statement
       JOIN unlock_guest ON unlock_guest.seq = unlock_statement.seq
       WHERE unlock_statement.seq = ?`,
      body.seq ?? -1,
    )
    const hash = new Bun.CryptoHasher('sha256').update(Buffer.from(statement, 'base64')).digest()
    expect(Buffer.from(stored?.hash ?? []).equals(hash)).toBe(true)
    expect(stored?.counter).toBe(7)
    const proof = (body.receipt ?? '').split('\n')[1]?.replace('extra ', '') ?? ''
    const { entry } = JSON.parse(atob(proof)) as { entry: string }
    expect(JSON.parse(entry)).toMatchObject({ statement: hash.toString('base64') })
    expect(entry).not.toContain('Plumber')
  })
})
