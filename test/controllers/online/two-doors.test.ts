import { expect, test } from 'bun:test'
import { controlledHome } from '../../support/controlled-home.ts'

const DOORS = ['cellar', 'garage'] as const

test('[5] once a grant is revoked, the gateway and each door that is online refuse at once', async () => {
  await using home = await controlledHome()
  const { as, person, ask, attempt } = home
  for (const label of DOORS) await home.post('/v1/locks', { label, name: label }, as('oli'))
  const holder = { account: person('eva').id }
  const made = await home.post('/v1/grants', { holder, locks: DOORS }, as('oli'))
  const { id } = (await made.json()) as { id: string }
  const [cellar, garage] = [await home.enrolled('cellar'), await home.enrolled('garage')]
  for (const controller of [cellar, garage]) expect(await controller.poll()).toBeUndefined()
  // Permitted, and not yet fetched.
  const waiting = await Promise.all(DOORS.map((label) => ask({ label })))
  expect(waiting).toMatchObject([{ decision: 'permitted' }, { decision: 'permitted' }])

  const revoked = await home.post(`/v1/grants/${id}/revocation`, {}, as('oli'))
  expect(await revoked.json()).toMatchObject({
    effective: DOORS.map((lock) => ({ lock, now: true })),
  })

  const again = await Promise.all(DOORS.map((label) => ask({ label })))
  expect(again).toMatchObject([
    { decision: 'denied', reason: 'revoked' },
    { decision: 'denied', reason: 'revoked' },
  ])
  // Neither door gets a command: not for what was permitted before, nor for what was asked later.
  for (const controller of [cellar, garage]) expect(await controller.poll()).toBeUndefined()
  for (const [index, label] of DOORS.entries())
    expect(await attempt(waiting[index]?.id ?? '', 'eva', label)).toMatchObject({
      decision: 'permitted',
      delivery: 'failed',
      lock_says: 'withdrawn',
    })
})

test('a controller that another process has moved to another door opens that, and no longer the first', async () => {
  await using home = await controlledHome()
  const { as, ask, attempt } = home
  for (const label of DOORS)
    await home.post('/v1/locks', { label, name: label, open_to: 'members' }, as('oli'))
  const controller = await home.enrolled('cellar')
  expect(await controller.poll()).toBeUndefined()
  // Removed and enrolled again, while nothing was heard of commits.
  await home.db.run(
    `UPDATE controller
     SET lock_id = (SELECT id FROM lock WHERE label = 'garage'), enrolled_at_ms = enrolled_at_ms + 1`,
  )
  await home.controllers.refresh()
  const polling = controller.poll({ wait: 20 })
  await home.online()
  const { id } = await ask({ label: 'garage' })
  const answer = await polling
  expect(answer?.commands).toHaveLength(1)
  expect(await attempt(id, 'eva', 'garage')).toMatchObject({ delivery: 'asked' })
  expect(await ask({ label: 'cellar' })).toMatchObject({ delivery: 'no_controller' })
})
