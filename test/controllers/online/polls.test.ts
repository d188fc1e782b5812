import { describe, expect, test } from 'bun:test'
import { PASSWORD } from '../../support/app.ts'
import { until } from '../../support/until.ts'
import { controlledHome } from '../../support/controlled-home.ts'
import { withoutInstance } from '../../support/metrics-token.ts'

type Home = Awaited<ReturnType<typeof controlledHome>>
type Controller = Awaited<ReturnType<Home['enrolled']>>

/** Eva asks while the controller polls. Returns her attempt and the attempts of the commands. */
const askDuringPoll = async (home: Home, controller: Controller, by = 'eva') => {
  const polling = controller.poll({ wait: 20 })
  await home.online()
  const asked = await home.ask({ by })
  return { ...asked, attempts: await attemptsIn(controller, await polling) }
}

const attemptsIn = async (
  controller: Controller,
  answer: Awaited<ReturnType<Controller['poll']>>,
): Promise<readonly (string | undefined)[]> =>
  Promise.all(
    (answer?.commands ?? []).map((command) =>
      controller.attemptOf(command, answer?.nonce ?? new Uint8Array()),
    ),
  )

describe('a controller that polls', () => {
  test('opens for a permitted attempt, and the result stands on the attempt and in the log', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const { id, decision, delivery, attempts } = await askDuringPoll(home, controller)
    expect({ decision, delivery }).toStrictEqual({ decision: 'permitted', delivery: 'asked' })
    expect(attempts).toStrictEqual([id])
    const opening = await controller.next('opening', { attempt: id })
    expect(await (await controller.send(opening)).json()).toStrictEqual({ through: 1, missing: [] })
    expect(await home.attempt(id)).toMatchObject({ delivery: 'accepted', result: null })
    const unlocked = await controller.next('unlocked', { attempt: id })
    expect(await (await controller.send(unlocked)).json()).toStrictEqual({
      through: 2,
      missing: [],
    })
    expect(await home.attempt(id)).toMatchObject({ delivery: 'happened', result: 'unlocked' })
    expect(await home.newestEvent()).toMatchObject({
      username: 'eva',
      result: 'unlocked',
      attempt: id,
      reporter: controller.id(),
      source: 'attested',
    })
    expect(await home.records()).toStrictEqual(['door_key.made', 'device.enrolled'])
    const metrics = withoutInstance(await (await home.get('/metrics', home.as('amy'))).text())
    for (const [name, labels] of [
      ['commands', 'outcome="sent"'],
      ['reports', 'result="opening"'],
      ['reports', 'result="unlocked"'],
    ])
      expect(metrics).toContain(`secure_lock_controller_${name}_total{${labels}} 1\n`)
  })

  test('gets no command for a denied attempt, nor for a repeat', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const { id, attempts } = await askDuringPoll(home, controller)
    expect(attempts).toStrictEqual([id])
    await controller.send(await controller.next('opening', { attempt: id }))
    expect(await home.ask({ id })).toMatchObject({ decision: 'permitted', repeat: true })
    await home.put('/v1/home/lockdown', {}, home.as('oli'))
    expect(await home.ask()).toMatchObject({ decision: 'denied', reason: 'lockdown' })
    expect(await controller.poll()).toBeUndefined()
  })

  test('gets a command again whose answer was lost, or that somebody with its token took', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const { id, attempts } = await askDuringPoll(home, controller)
    expect(attempts).toStrictEqual([id])
    expect(await attemptsIn(controller, await controller.poll())).toStrictEqual([id])
    await controller.send(await controller.next('opening', { attempt: id }))
    expect(await controller.poll()).toBeUndefined()
  })

  test('ends its older poll by a newer one, and commands are signed for the newer nonce', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const older = controller.poll({ wait: 20 })
    await home.online()
    const newer = controller.poll({ wait: 20 })
    expect(await older).toBeUndefined()
    const { id } = await home.ask()
    expect(await attemptsIn(controller, await newer)).toStrictEqual([id])
  })

  test('goes on waiting, whatever a thief with its token does from another address', async () => {
    await using home = await controlledHome({ TRUSTED_PROXIES: '127.0.0.1' })
    const controller = await home.enrolled()
    const waiting = controller.poll({ wait: 30 })
    await home.online()
    for (let polls = 0; polls < 50; polls += 1) {
      const headers = { ...controller.headers(), 'x-forwarded-for': `192.168.1.${polls % 10}` }
      await controller.poll({ headers })
    }
    const { id } = await home.ask()
    expect(await attemptsIn(controller, await waiting)).toStrictEqual([id])
  })

  test('shares its token with a thief at its own address, who can delay, and never open or keep the door shut', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const theft = { isOver: false, taken: 0 }
    // The thief polls as fast as the gateway answers.
    const thief = (async () => {
      while (!theft.isOver)
        theft.taken += (await controller.poll({ wait: 1 }))?.commands.length ?? 0
    })()
    const asked: string[] = []
    const opened: (string | undefined)[] = []
    while (asked.length < 5) {
      await home.online()
      const { id } = await home.ask()
      asked.push(id)
      // As the true controller does: it polls until it has the command.
      for (let attempts: readonly (string | undefined)[] = []; !attempts.includes(id);) {
        attempts = await attemptsIn(controller, await controller.poll({ wait: 1 }))
        if (attempts.includes(id)) opened.push(id)
      }
      await controller.send(await controller.next('unlocked', { attempt: id }))
    }
    theft.isOver = true
    await thief
    expect(opened).toStrictEqual(asked)
    // It did get some: they are signed for its own nonces.
    expect(theft.taken).toBeGreaterThan(0)
  })

  test('that hangs up is gone after a moment', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const line = new AbortController()
    const polling = controller.poll({ wait: 30, signal: line.signal }).catch(() => undefined)
    await home.online()
    line.abort()
    await polling
    await until(() => !home.controllers.isPolling(controller.id()))
    home.clock.passedMs += 10_000
    home.clock.nowMs += 15_000
    expect(await home.ask()).toMatchObject({ delivery: 'offline' })
  })

  test('is offline: the attempt says so at once, and the command does not wait', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const listed = (await (await home.get('/v1/locks', home.as('eva'))).json()) as {
      locks: { controller: string }[]
    }
    expect(listed.locks.map(({ controller: state }) => state)).toStrictEqual(['offline'])
    const asked = await home.ask()
    expect(asked).toMatchObject({ decision: 'permitted', delivery: 'offline' })
    expect(await home.attempt(asked.id)).toMatchObject({ delivery: 'offline', result: null })
    expect(await controller.poll()).toBeUndefined()
  })

  test('gets no command ten seconds after the decision', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    await controller.poll()
    const { id } = await home.ask()
    home.clock.passedMs += 9999
    expect(await attemptsIn(controller, await controller.poll())).toStrictEqual([id])
    home.clock.passedMs += 1
    expect(await controller.poll()).toBeUndefined()
  })

  test('gets no command after a lockdown, a revocation, or for a lock that was disabled', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const grants = (await (await home.get('/v1/grants', home.as('oli'))).json()) as {
      grants: { id: string }[]
    }
    const [grant] = grants.grants
    for (const [change, undo] of [
      [
        () => home.put('/v1/home/lockdown', { locks: ['front-door'] }, home.as('oli')),
        () => home.delete('/v1/home/lockdown?lock=front-door', {}, home.as('oli')),
      ],
      [
        () => home.patch('/v1/locks/front-door', { state: 'disabled' }, home.as('oli')),
        () => home.patch('/v1/locks/front-door', { state: 'enabled' }, home.as('oli')),
      ],
      [() => home.post(`/v1/grants/${grant?.id}/revocation`, {}, home.as('oli')), undefined],
    ] as const) {
      await controller.poll()
      const { id, decision } = await home.ask()
      expect(decision).toBe('permitted')
      expect((await change()).status).toBe(200)
      expect(await controller.poll()).toBeUndefined()
      expect((await undo?.())?.status ?? 200).toBe(200)
      const row = await home.db.get<{ state: string; detail: string }>(
        'SELECT state, detail FROM lock_operation WHERE attempt_id = ?',
        id,
      )
      expect(row).toStrictEqual({ state: 'failed', detail: 'withdrawn' })
    }
  })

  test('gets no command of a person who was disabled or erased', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const eva = `/v1/people/${home.person('eva').id}`
    await controller.poll()
    await home.ask()
    expect((await home.patch(eva, { disabled: true }, home.as('oli'))).status).toBe(200)
    expect(await controller.poll()).toBeUndefined()
    await home.ask({ by: 'amy' })
    const amy = `/v1/people/${home.person('amy').id}`
    expect((await home.delete(amy, {}, home.as('oli'))).status).toBe(200)
    expect(await controller.poll()).toBeUndefined()
  })

  test('opens for an owner during a lockdown', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    await home.put('/v1/home/lockdown', {}, home.as('oli'))
    const { id, attempts } = await askDuringPoll(home, controller, 'oli')
    expect(attempts).toStrictEqual([id])
  })

  test('says after the deadline how an attempt ended, and that counts', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const { id } = await askDuringPoll(home, controller)
    home.clock.nowMs += 29_999
    expect(await home.attempt(id)).toMatchObject({ delivery: 'asked', result: null })
    home.clock.nowMs += 2
    expect(await home.attempt(id)).toMatchObject({ delivery: 'unknown', result: 'unheard' })
    await controller.send(await controller.next('released', { attempt: id }))
    expect(await home.attempt(id)).toMatchObject({ delivery: 'happened', result: 'released' })
    await controller.send(await controller.next('motor_blocked', { attempt: id }))
    expect(await home.attempt(id)).toMatchObject({ delivery: 'happened', result: 'released' })
  })

  test('one of two, of which one fails: the attempt fails with the other', async () => {
    await using home = await controlledHome()
    const [one, other] = [await home.enrolled(), await home.enrolled()]
    const polls = [one.poll({ wait: 20 }), other.poll({ wait: 20 })]
    await home.online(2)
    const { id } = await home.ask()
    await Promise.all(polls)
    await one.send(await one.next('motor_blocked', { attempt: id }))
    expect(await home.attempt(id)).toMatchObject({ result: null })
    await other.send(await other.next('command_failed', { attempt: id }))
    expect(await home.attempt(id)).toMatchObject({ result: 'failed', failure: 'command_failed' })
  })

  test('one of two, of which one opens: the attempt opened', async () => {
    await using home = await controlledHome()
    const [one, other] = [await home.enrolled(), await home.enrolled()]
    const polls = [one.poll({ wait: 20 }), other.poll({ wait: 20 })]
    await home.online(2)
    const { id } = await home.ask()
    const taken = await Promise.all(polls)
    expect(await attemptsIn(one, taken[0])).toStrictEqual([id])
    expect(await attemptsIn(other, taken[1])).toStrictEqual([id])
    await one.send(await one.next('unlocked', { attempt: id }))
    await other.send(await other.next('motor_blocked', { attempt: id }))
    expect(await home.attempt(id)).toMatchObject({ result: 'unlocked', failure: null })
  })

  test('of a lock that one controller left is still asked', async () => {
    await using home = await controlledHome()
    const [one, other] = [await home.enrolled(), await home.enrolled()]
    await home.delete(`/v1/controllers/${one.id()}`, { password: PASSWORD }, home.as('oli'))
    const { id, attempts } = await askDuringPoll(home, other)
    expect(attempts).toStrictEqual([id])
  })

  test('must send a nonce of 16 bytes, and may wait for half a minute', async () => {
    await using home = await controlledHome()
    const controller = await home.enrolled()
    const status = async (query: string) =>
      (await home.get(`/v1/controller/commands?${query}`, controller.headers())).status
    const nonce = 'nonce=PpmMh9Xt8Wf3wMcAJd4v8A'
    expect(await status(`${nonce}&wait=0`)).toBe(204)
    for (const bad of [
      '',
      'nonce=short',
      'nonce=PpmMh9Xt8Wf3wMcAJd4v8B',
      `${nonce}&wait=31`,
      `${nonce}&door_key=x`,
    ])
      expect(await status(bad)).toBe(400)
  })
})
