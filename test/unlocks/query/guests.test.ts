import { expect, test } from 'bun:test'
import type { Static } from '@sinclair/typebox'
import type { EventAnswer } from '../../../src/unlocks/log/schema.ts'
import type { ListAnswer } from '../../../src/unlocks/query/schema.ts'
import { homeWithLocks } from '../../support/home-with-locks.ts'
import { CONTROLLER, attested } from '../../support/reports.ts'

const PASS = '0193c6a8-0000-7000-8000-0000000000aa'
const OTHER = '0193c6a8-0000-7000-8000-0000000000bb'

const home = async () => {
  const app = await homeWithLocks()
  let counter = 0
  return {
    ...app,
    /** The controller lets a guest in. */
    visit: async (
      passId: string,
      username: string,
      changes: Parameters<typeof attested>[1] = {},
    ) => {
      counter += 1
      const guest = { passId, deviceId: `device of ${username}`, counter }
      const whose = { accountPublicId: '', username, method: 'guest', guest }
      await app.unlocks.report(attested(counter, { ...whose, ...changes }))
    },
    list: async (query = '', by = 'oli') => {
      const answer = await app.get(`/v1/unlocks?order=seq&${query}`, app.as(by))
      return ((await answer.json()) as Static<typeof ListAnswer>).unlocks
    },
    text: async (path: string) => (await app.get(path, app.as('oli'))).text(),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

test('lists, files and single entries name the pass of a guest, and members see none of it', async () => {
  await using app = await home()
  await app.visit(PASS, 'Plumber')
  const [unlock] = await app.list('source=attested')
  expect(unlock).toMatchObject({
    account: null,
    username: 'Plumber',
    method: 'guest',
    result: 'released',
    source: 'attested',
    reporter: CONTROLLER,
    guest: { pass: PASS },
  })
  expect(JSON.stringify(unlock)).not.toContain('device of')
  expect(await app.list('source=attested', 'eva')).toStrictEqual([])
  const [line] = (await app.text('/v1/unlocks/export?format=ndjson')).trim().split('\n')
  expect(JSON.parse(line ?? '')).toStrictEqual(unlock as EventAnswer)
  const [, row] = (await app.text('/v1/unlocks/export?format=csv')).split('\r\n')
  expect(row).toEndWith(`,,${PASS},,`)
  expect(JSON.parse(await app.text(`/v1/unlocks/${unlock?.id}`))).toStrictEqual(
    unlock as EventAnswer,
  )
})

test('results and sources of controllers are filters', async () => {
  await using app = await home()
  await app.visit(PASS, 'Plumber')
  await app.visit(PASS, 'Plumber', { result: 'failed', reason: 'motor_blocked' })
  await app.visit(PASS, 'Plumber', { result: 'unlocked' })
  const results = async (query: string) => (await app.list(query)).map(({ result }) => result)
  expect(await results('result=released')).toStrictEqual(['released'])
  expect(await results('result=failed')).toStrictEqual(['failed'])
  expect(await results('source=attested')).toStrictEqual(['released', 'failed', 'unlocked'])
  expect(await results('source=attested&result=failed')).toStrictEqual(['failed'])
})

test('/getLogs shows a released lock like an unlock, whoever it was, and hides failures', async () => {
  await using app = await home()
  await app.visit(PASS, 'Plumber')
  await app.visit(PASS, 'Plumber', { result: 'failed', reason: 'command_failed' })
  await app.visit(PASS, '', { guest: undefined, result: 'unlocked', method: 'unknown' })
  const rows = Object.values(JSON.parse(await app.text('/getLogs')) as object)
  expect(rows).toMatchObject([
    { username: 'Plumber', unlocking_method: 'guest' },
    { username: '(unknown)', unlocking_method: 'unknown' },
  ])
})

test('what a guest did is found by the pass, newest first, page by page', async () => {
  await using app = await home()
  for (const passId of [PASS, OTHER, PASS, PASS, OTHER]) await app.visit(passId, passId)
  const { ofPass } = app.unlocks
  const first = await ofPass(PASS, { limit: 2 })
  const own = (await app.list()).filter(({ guest }) => guest?.pass === PASS).toReversed()
  expect(first.unlocks).toStrictEqual(own.slice(0, 2))
  expect(first.next).toBe(own[1]?.seq)
  expect(await ofPass(PASS, { limit: 2, beforeSeq: first.next })).toStrictEqual({
    unlocks: own.slice(2),
    next: undefined,
  })
  expect(await ofPass(PASS, { limit: 3 })).toMatchObject({ next: undefined })
  await app.unlocks.eraseGuest(PASS)
  expect(await ofPass(PASS, { limit: 2 })).toStrictEqual({ unlocks: [], next: undefined })
  expect((await app.list()).map(({ guest }) => guest?.pass)).toStrictEqual([
    undefined,
    OTHER,
    undefined,
    undefined,
    OTHER,
  ])
})
