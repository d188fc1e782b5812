import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import type { GrantJson } from '../../../src/locks/grants/schema.ts'
import { recordsOf } from '../../support/app.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'

/** A home whose restore could not tell what was revoked since: Eva’s grant counts visits, Max’s does not. */
const restored = async () => {
  const app = await homeWithLocks()
  const make = async (body: object) => (await app.grant({ locks: ['front-door'], ...body })).body.id
  const counted = await make({ holder: app.holder('eva'), uses: 3 })
  const lasting = await make({ holder: app.holder('max') })
  const ended = await make({ holder: app.holder('amy'), uses: 1, ends_at: '2040-03-19T12:00' })
  await app.later(2 * 3_600_000, 'oli', 'amy', 'eva', 'max')
  const suspended = await app.db.transaction((tx) =>
    app.locks.suspensions.suspendIn(tx, COMMAND_LINE),
  )
  return {
    ...app,
    counted,
    lasting,
    ended,
    suspended,
    ask: async (by: string) => {
      const path = '/v1/locks/front-door/unlock'
      const answer = await app.post(path, { id: crypto.randomUUID() }, app.as(by))
      const { decision, reason } = (await answer.json()) as Record<string, unknown>
      return reason ?? decision
    },
    confirm: async (id: string, by = 'oli') => {
      const answer = await app.post(`/v1/grants/${id}/confirmation`, {}, app.as(by))
      return { status: answer.status, body: (await answer.json()) as GrantJson }
    },
    records: async () =>
      (
        await app.db.all<{ kind: string; subject: string; about: string | null }>(
          `SELECT kind, subject, about_public_id AS about FROM log_record
           WHERE kind IN ('grant.suspended', 'grant.confirmed') ORDER BY seq`,
        )
      ).map(({ kind, subject, about }) => [kind, subject, about]),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

describe('a grant with a number of visits, after a restore that cannot be compared', () => {
  test('opens nothing until an owner confirms it, and others are as before', async () => {
    await using app = await restored()
    expect(app.suspended).toBe(1)
    expect(await app.ask('eva')).toBe('suspended')
    expect(await app.ask('max')).toBe('permitted')
    expect((await app.find(app.counted)).body).toMatchObject({
      state: 'now',
      suspended_at: '2040-03-19T12:00:00.000Z',
    })
    expect((await app.find(app.lasting)).body.suspended_at).toBeNull()
    expect((await app.find(app.ended)).body.suspended_at).toBeNull()
    expect(await app.locks.suspensions.count()).toBe(1)

    expect((await app.confirm(app.counted, 'amy')).status).toBe(403)
    expect(await app.ask('eva')).toBe('suspended')
    expect(await app.confirm(app.counted)).toMatchObject({
      status: 200,
      body: { id: app.counted, suspended_at: null },
    })
    expect(await app.ask('eva')).toBe('permitted')
    expect(await app.locks.suspensions.count()).toBe(0)
  })

  test('leaves a record and an audit event when it is suspended and when it is confirmed, once', async () => {
    await using app = await restored()
    await app.confirm(app.counted)
    await app.confirm(app.counted)
    await app.confirm(app.lasting)
    const about = [`grant:${app.counted}`, app.idOf('eva')]
    expect(await app.records()).toStrictEqual([
      ['grant.suspended', ...about],
      ['grant.confirmed', ...about],
    ])
    for (const action of ['grant.suspend', 'grant.confirm'])
      expect(recordsOf(app.logLines, action)).toMatchObject([
        { result: 'success', subject: app.idOf('eva'), detail: { grant: app.counted } },
      ])
  })

  test('can be revoked instead, and then needs no confirmation', async () => {
    await using app = await restored()
    await app.revoke(app.counted)
    expect(await app.locks.suspensions.count()).toBe(0)
    expect((await app.confirm(app.counted)).body.state).toBe('revoked')
    expect(await app.ask('eva')).toBe('revoked')
  })

  test('is reported until it is confirmed', async () => {
    await using app = await restored()
    const found = async () => {
      const answer = await app.get('/v1/doctor', app.as('oli'))
      const { findings } = (await answer.json()) as { findings: Record<string, unknown>[] }
      return findings.filter(({ check }) => check === 'grants')
    }
    expect(await found()).toMatchObject([{ state: 'warning', id: 'grants-suspended' }])
    await app.confirm(app.counted)
    expect(await found()).toBeEmpty()
  })

  test('is found by nobody if there is none', async () => {
    await using app = await restored()
    expect((await app.confirm(crypto.randomUUID())).status).toBe(404)
  })
})
