import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { PASSWORD, type TestApp, bearer, clientOf, recordsOf, startApp } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { household, outcomeOf } from '../../support/household.ts'

type Person = { username: string; unit: string | null }

const people = async (app: Pick<TestApp, 'get'>, token: string, query = '') => {
  const answer = await app.get(`/v1/people${query}`, bearer(token))
  const { people: found } = (await answer.json()) as { people: Person[] }
  return found.map(({ username }) => username).toSorted()
}

const unitOf = async (app: Pick<TestApp, 'get'>, token: string): Promise<string | null> =>
  ((await (await app.get('/v1/me', bearer(token))).json()) as Person).unit

const setUnit = async (
  app: TestApp,
  token: string,
  id: string,
  unit: unknown,
): Promise<{ status: number; unit?: string | null; detail?: string }> => {
  const answer = await app.patch(`/v1/people/${id}`, { unit }, bearer(token))
  return { status: answer.status, ...((await answer.json()) as object) }
}

const COMPOSED = 'Wohnung 3 Süd'
const DECOMPOSED = COMPOSED.normalize('NFD')

describe('the unit of an account', () => {
  test('is set by admins for members and by owners for everyone, and never by the person', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner', amy: 'admin', ann: 'admin', mia: 'member' })
    const outcome = async (by: string, whom: string) =>
      outcomeOf(
        await app.patch(
          `/v1/people/${of(whom).id}`,
          { unit: `Flat of ${by}` },
          bearer(of(by).token),
        ),
      )
    expect(await outcome('oli', 'oli')).toBe('done')
    expect(await outcome('oli', 'ann')).toBe('done')
    expect(await outcome('amy', 'mia')).toBe('done')
    for (const whom of ['oli', 'ann', 'amy'])
      expect(await outcome('amy', whom)).toBe('403 owner_needed')
    expect(await outcome('mia', 'mia')).toBe('403 forbidden')
    // Ignored in what people change of themselves.
    await app.patch('/v1/me', { unit: 'Penthouse', phone: '2' }, bearer(of('mia').token))
    expect(await unitOf(app, of('mia').token)).toBe('Flat of amy')
  })

  test('is stored composed and trimmed, cleared by null or empty, and at most 80 characters', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner', mia: 'member' })
    const { token } = of('oli')
    const set = (unit: unknown) => setUnit(app, token, of('mia').id, unit)
    expect(await set(` ${DECOMPOSED} `)).toMatchObject({ status: 200, unit: COMPOSED })
    for (const none of [null, '', '  ']) {
      await set('Flat 1')
      expect(await set(none)).toMatchObject({ status: 200, unit: null })
    }
    expect(await set('🏠'.repeat(80))).toMatchObject({ status: 200 })
    for (const bad of ['x'.repeat(81), 'Flat\n3', 3, ['Flat 3'], '\ud800'])
      expect(await set(bad)).toMatchObject({
        status: 400,
        detail: 'Invalid unit: text, 1 to 80 characters, no control characters',
      })
    expect(await unitOf(app, of('mia').token)).toBe('🏠'.repeat(80))
  })

  test('leaves an audit event without the unit if it changes, also if it is refused', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner', amy: 'admin' })
    for (const unit of ['Flat 3', ' Flat 3', 'flat 3'])
      await setUnit(app, of('oli').token, of('amy').id, unit)
    await setUnit(app, of('amy').token, of('oli').id, 'Cellar')
    const records = recordsOf(app.logLines, 'account.unit')
    expect(records.map(({ result }) => result)).toStrictEqual(['success', 'success', 'failure'])
    expect(JSON.stringify(records)).not.toMatch(/Flat|Cellar/i)
  })

  test('finds the accounts of a unit however it is written, and is found by the search', async () => {
    await using app = await startApp()
    const of = await household(app, { oli: 'owner', ada: 'member', bob: 'member', cid: 'member' })
    const { token } = of('oli')
    await setUnit(app, token, of('ada').id, COMPOSED)
    await setUnit(app, token, of('bob').id, DECOMPOSED.toUpperCase())
    await setUnit(app, token, of('cid').id, 'Wohnung 30')
    for (const unit of [COMPOSED, DECOMPOSED, ` ${COMPOSED.toUpperCase()} `])
      expect(await people(app, token, `?unit=${encodeURIComponent(unit)}`)).toStrictEqual([
        'ada',
        'bob',
      ])
    expect(await people(app, token, '?unit=Wohnung')).toStrictEqual([])
    expect(await people(app, token, '?unit=wohnung%2030&role=member')).toStrictEqual(['cid'])
    expect(await people(app, token, '?text=wohnung')).toStrictEqual(['ada', 'bob', 'cid'])
    expect((await app.get('/v1/people?unit=', bearer(token))).status).toBe(400)
    const units = await app.get('/v1/units', bearer(token))
    expect(await units.json()).toStrictEqual({
      units: [
        { unit: COMPOSED.toUpperCase(), accounts: 2 },
        { unit: 'Wohnung 30', accounts: 1 },
      ],
    })
  })

  test('is given by the invitation, which loses it with the person if it was for one', async () => {
    await using app = await startApp({ REGISTRATION: 'invite' })
    const owner = await app.signIn('oli', 'owner')
    const invite = async (body: object) =>
      (await (
        await app.post('/v1/invitations', { role: 'member', ...body }, bearer(owner))
      ).json()) as { code: string; unit: string | null }
    const register = (username: string, invitation: string) =>
      app.post('/register', {
        username,
        password: PASSWORD,
        phone: '1',
        address: 'x',
        invitation,
      })
    const single = await invite({ unit: ` ${DECOMPOSED}` })
    expect(single.unit).toBe(COMPOSED)
    const family = await invite({ unit: 'Flat 4', uses: 3 })
    for (const none of [null, '', undefined])
      expect(await invite({ unit: none })).toMatchObject({ unit: null })
    await register('ada', single.code)
    await register('bob', family.code)
    const ada = await app.logIn('ada')
    expect(await unitOf(app, ada)).toBe(COMPOSED)
    expect(await unitOf(app, await app.logIn('bob'))).toBe('Flat 4')
    const listed = async () => {
      const answer = await app.get('/v1/invitations', bearer(owner))
      const { invitations } = (await answer.json()) as { invitations: { unit: string | null }[] }
      return invitations.map(({ unit }) => unit)
    }
    expect(await listed()).toStrictEqual([null, null, null, 'Flat 4', COMPOSED])
    await app.delete('/v1/me', { password: PASSWORD }, bearer(ada))
    expect(await listed()).toStrictEqual([null, null, null, 'Flat 4', null])
  })

  test('[D7] is in the person’s export, and nowhere on disk once they are erased', async () => {
    const folder = temporaryFolder()
    try {
      const unit = 'Pomegranate Tower 7'
      {
        await using service = await startService({ folder, env: UNLIMITED })
        const { get, post, patch, delete: remove } = clientOf(service.url)
        await addAccount('oli', { role: 'owner', folder })
        const owner = bearer(await tokenFor(service.url, 'oli'))
        const made = await post('/v1/invitations', { role: 'member', unit }, owner)
        const { code: invitation } = (await made.json()) as { code: string }
        const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
        expect((await post('/register', { ...person, invitation })).status).toBe(200)
        const ada = bearer(await tokenFor(service.url, 'ada'))
        const { id } = (await (await get('/v1/me', ada)).json()) as { id: string }
        const moved = await patch(`/v1/people/${id}`, { unit: unit.toUpperCase() }, owner)
        expect(moved.status).toBe(200)
        await post('/v1/unlocks', { method: 'pin' }, ada)
        const exported = await (await get('/v1/me/export', ada)).json()
        expect(exported).toMatchObject({ account: { unit: unit.toUpperCase() } })
        expect((await remove('/v1/me', { password: PASSWORD }, ada)).status).toBe(200)
        await service.stop()
      }
      await using db = await homeDatabase(folder)
      expect(await db.contains('oli')).toBe(true)
      expect(await db.contains(unit)).toBe(false)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('is set on the command line', async () => {
    const folder = temporaryFolder()
    try {
      const add = ['user', 'add', 'ada', '--unit', 'Flat 3']
      expect(await runCommand(add, { folder, input: PASSWORD })).toMatchObject({ status: 0 })
      const run = (...args: string[]) => runCommand(['user', 'unit', ...args], { folder })
      expect(await run('ada', 'Flat 4')).toMatchObject({
        status: 0,
        out: 'ada belongs to Flat 4\n',
      })
      expect(await run('ada', '')).toMatchObject({ status: 0, out: 'ada belongs to no unit\n' })
      expect(await run('ada')).toMatchObject({ status: 2 })
      expect(await run('ada', 'x'.repeat(81))).toMatchObject({ status: 2 })
      const invited = await runCommand(['invite', '--unit', 'Flat 5'], { folder })
      expect(invited).toMatchObject({ status: 0 })
      expect((await runCommand(['invite', 'list'], { folder })).out).toContain('\tFlat 5\t')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
