import { expect, test } from 'bun:test'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import type { DecisionJson } from '../../src/locks/decisions/schema.ts'
import { type NewPass, codeOf, guestPhone, passIdOf } from '../support/guests.ts'
import { homeDatabase } from '../support/home-database.ts'

/** A service with an owner, Oli, and a member, Eva, who may open the front door and invite guests. */
const startHome = async (env: Readonly<Record<string, string>> = {}) => {
  const service = await startService({ env: { ...UNLIMITED, GUEST_PASSES: 'members', ...env } })
  await addAccount('oli', { role: 'owner', folder: service.folder })
  await addAccount('eva', { role: 'member', folder: service.folder })
  const client = clientOf(service.url)
  const oli = bearer(await tokenFor(service.url, 'oli'))
  const eva = bearer(await tokenFor(service.url, 'eva'))
  return {
    ...client,
    service,
    oli,
    eva,
    invite: async (headers: Record<string, string>, given: object = {}): Promise<NewPass> => {
      const body = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'], ...given }
      const answer = await client.post('/v1/grants', body, headers)
      expect(answer.status).toBe(201)
      return (await answer.json()) as NewPass
    },
    [Symbol.asyncDispose]: service[Symbol.asyncDispose],
  }
}

test('with the compiled executable, a member’s guest opens the door, and is refused once the member is disabled', async () => {
  await using home = await startHome()
  const made = await home.invite(home.eva)
  const phone = guestPhone(home)
  await phone.look(codeOf(made))
  expect((await phone.bind(codeOf(made))).status).toBe(200)
  const id = crypto.randomUUID()
  const first = await phone.unlock({ id })
  expect(first.body).toMatchObject({ decision: 'permitted', repeat: false })
  expect((await phone.unlock({ id })).body).toStrictEqual({ ...first.body, repeat: true })
  const { people } = (await (await home.get('/v1/people', home.oli)).json()) as {
    people: { id: string; username: string }[]
  }
  const eva = people.find(({ username }) => username === 'eva')?.id
  await home.patch(`/v1/people/${eva}`, { disabled: true }, home.oli)
  expect((await phone.unlock()).body).toMatchObject({ decision: 'denied', reason: 'suspended' })
})

test('with the compiled executable, a guest is sent to the host while nothing can be recorded', async () => {
  await using home = await startHome()
  const made = await home.invite(home.oli)
  const phone = guestPhone(home)
  await phone.bind(codeOf(made))
  const id = crypto.randomUUID()
  await using other = await homeDatabase(home.service.folder)
  const release = await other.holdWrites()
  const refused = await phone.unlock({ id })
  await release()
  expect(refused).toMatchObject({
    status: 503,
    body: {
      code: 'unavailable',
      detail: 'Nothing can be recorded right now, so nobody is let in. Ask oli.',
    },
  })
  expect((await phone.unlock({ id })).body).toMatchObject({ decision: 'permitted', repeat: false })
})

test('with the compiled executable, of 64 phones that bind at once as many succeed as the pass allows', async () => {
  await using home = await startHome()
  const made = await home.invite(home.oli, { holder: { pass: { label: 'Party', devices_max: 4 } } })
  const bound = await Promise.all(
    Array.from({ length: 64 }, async () => (await guestPhone(home).bind(codeOf(made))).status),
  )
  expect(bound.filter((status) => status === 200)).toHaveLength(4)
  expect(bound.filter((status) => status === 409)).toHaveLength(60)
})

test('with the compiled executable, a thousand guests who ask at once are let in, each once', async () => {
  await using home = await startHome({ CONNECTIONS_PER_CLIENT: '2000' })
  const made = await home.invite(home.oli)
  const secrets = Array.from({ length: 1000 }, (_, n) => `secret-${n}`)
  await using rows = await homeDatabase(home.service.folder)
  await rows.run(
    `INSERT INTO pass_device (id, pass_id, cookie_hash, bound_at_ms, seen_at_ms)
     VALUES ${secrets.map(() => '(?, ?, ?, 1, 1)').join()}`,
    ...secrets.flatMap((secret) => [
      crypto.randomUUID(),
      passIdOf(made),
      new Bun.CryptoHasher('sha256').update(secret).digest(),
    ]),
  )
  const answers = await Promise.all(
    secrets.map(async (secret) => {
      const headers = { cookie: `lock-guest=${secret}`, origin: home.url }
      const body = { id: crypto.randomUUID(), lock: 'front-door' }
      return (await (await home.post('/v1/guest/unlock', body, headers)).json()) as DecisionJson
    }),
  )
  expect(answers.filter(({ decision }) => decision === 'permitted')).toHaveLength(1000)
  expect(new Set(answers.map(({ seq }) => seq)).size).toBe(1000)
  const seen = await rows.get('SELECT count(*) AS n FROM pass_device WHERE seen_at_ms > 1')
  expect(seen).toStrictEqual({ n: 1000 })
})
