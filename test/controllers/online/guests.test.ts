import { expect, test } from 'bun:test'
import { controlledHome } from '../../support/controlled-home.ts'
import { type NewPass, codeOf, guestPhone, passIdOf } from '../../support/guests.ts'
import { tableNames, textOf } from '../../support/tables.ts'

/** A home whose guest has a phone, and may come twice. */
const homeWithGuest = async () => {
  const home = await controlledHome()
  const controller = await home.enrolled()
  const body = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'], uses: 2 }
  const made = (await (await home.post('/v1/grants', body, home.as('oli'))).json()) as NewPass
  const phone = guestPhone(home)
  expect((await phone.bind(codeOf(made))).status).toBe(200)
  const grant = async () => {
    const answer = await home.get(`/v1/grants/${made.id}`, home.as('oli'))
    return ((await answer.json()) as { used: number }).used
  }
  /** The guest asks while the controller polls; returns the attempt of the command. */
  const ask = async () => {
    const polling = controller.poll({ wait: 20 })
    await home.online()
    const { body: decided } = await phone.unlock()
    const answer = await polling
    return {
      decided,
      attempt: await controller.attemptOf(
        answer?.commands[0] ?? '',
        answer?.nonce ?? new Uint8Array(),
      ),
    }
  }
  return { ...home, controller, phone, made, used: grant, ask }
}

test('a guest is let in, and the log says that the lock signed it, and for which guest', async () => {
  await using home = await homeWithGuest()
  const { controller, phone, made, used, ask } = home
  const { decided, attempt } = await ask()
  expect(decided).toMatchObject({ decision: 'permitted', delivery: 'asked' })
  const news = phone.attempt(attempt ?? '', '?wait=10')
  await controller.send(
    await controller.next('opening', { attempt }),
    await controller.next('released', { attempt }),
  )
  expect((await news).body.delivery).toBeOneOf(['accepted', 'happened'])
  expect((await phone.attempt(attempt ?? '')).body).toMatchObject({
    delivery: 'happened',
    result: 'released',
  })
  expect(await home.newestEvent()).toMatchObject({
    result: 'released',
    source: 'attested',
    username: 'Plumber',
    guest: { pass: made.holder !== null && 'pass' in made.holder ? made.holder.pass.id : '' },
    attempt,
  })
  expect(await used()).toBe(1)
})

test('a visit whose bolt jammed is not counted, and the guest reads why', async () => {
  await using home = await homeWithGuest()
  const { controller, phone, used, ask } = home
  const { attempt } = await ask()
  expect(await used()).toBe(1)
  await controller.send(await controller.next('motor_blocked', { attempt }))
  expect((await phone.attempt(attempt ?? '')).body).toMatchObject({
    result: 'failed',
    failure: 'motor_blocked',
  })
  expect(await used()).toBe(0)
})

test('a visit whose controller lost its power as it opened is counted: the door may have opened', async () => {
  await using home = await homeWithGuest()
  const { controller, phone, used, ask } = home
  const { attempt } = await ask()
  await controller.send(
    await controller.next('opening', { attempt }),
    await controller.next('interrupted', { attempt }),
  )
  expect((await phone.attempt(attempt ?? '')).body).toMatchObject({
    result: 'failed',
    failure: 'interrupted',
  })
  expect(await used()).toBe(1)
  // Neither is it given back by a later failure of the same visit, or of the same attempt.
  const again = await ask()
  await controller.send(
    await controller.next('motor_blocked', { attempt: again.attempt }),
    await controller.next('motor_blocked', { attempt }),
  )
  expect(await used()).toBe(1)
})

test('a visit to a door whose controller is offline is not counted either', async () => {
  await using home = await homeWithGuest()
  const { phone, used } = home
  const { body } = await phone.unlock()
  expect(body).toMatchObject({ decision: 'permitted', delivery: 'offline' })
  expect(await used()).toBe(0)
})

test('a guest whose pass is revoked gets nothing of what waits', async () => {
  await using home = await homeWithGuest()
  const { controller, phone, made } = home
  await controller.poll()
  const { body } = await phone.unlock()
  expect(body).toMatchObject({ decision: 'permitted' })
  await home.post(`/v1/grants/${made.id}/revocation`, {}, home.as('oli'))
  expect(await controller.poll()).toBeUndefined()
})

test('a guest who is erased while the door opens is named nowhere, and the report is stored', async () => {
  await using home = await homeWithGuest()
  const { controller, made, ask, db } = home
  const { attempt } = await ask()
  await controller.send(await controller.next('opening', { attempt }))
  const erased = await home.delete(`/v1/passes/${passIdOf(made)}`, {}, home.as('oli'))
  expect(erased.status).toBe(200)
  expect((await controller.send(await controller.next('released', { attempt }))).status).toBe(200)
  expect(await home.newestEvent()).toMatchObject({
    result: 'released',
    source: 'attested',
    username: '',
    guest: null,
    attempt: null,
  })
  const left = await textOf(
    db,
    (await tableNames()).filter((name) => name !== 'audit_event'),
  )
  expect(['Plumber', 'iPhone'].filter((trace) => left.includes(trace))).toStrictEqual([])
})
