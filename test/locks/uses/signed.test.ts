import { describe, expect, test } from 'bun:test'
import type { ReportResult } from '../../../src/domain/statement/claims.ts'
import { controlledHome } from '../../support/controlled-home.ts'
import { guestPhone, codeOf } from '../../support/guests.ts'
import type { NewPass } from '../../support/guests.ts'
import { until } from '../../support/until.ts'

/** A home whose controller is online, and a guest who may come once. */
const home = async () => {
  const app = await controlledHome()
  const made = await app.post(
    '/v1/grants',
    { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'], uses: 1 },
    app.as('oli'),
  )
  const phone = guestPhone(app)
  await phone.bind(codeOf((await made.json()) as NewPass))
  const controller = await app.enrolled()
  return {
    ...app,
    controller,
    /** The guest asks, and the controller takes the command. Returns the id of the attempt. */
    asks: async () => {
      // It was heard a moment ago, by the clock of the test: it counts as online.
      await controller.poll()
      const id = crypto.randomUUID()
      const { body } = await phone.unlock({ id })
      expect(body).toMatchObject({ decision: 'permitted' })
      const answer = await controller.poll({ wait: 20 })
      const given = (answer?.commands ?? []).map((command) =>
        controller.attemptOf(command, answer?.nonce ?? new Uint8Array()),
      )
      expect(await Promise.all(given)).toContain(id)
      return id
    },
    unlock: async () => (await phone.unlock()).body,
    reports: async (attempt: string, result: ReportResult) =>
      (await controller.send(await controller.next(result, { attempt }))).status,
    used: async () =>
      (await app.db.get<{ uses: number }>('SELECT uses FROM access_grant WHERE uses_max = 1'))
        ?.uses,
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

describe('the only use of a guest’s pass', () => {
  test('is given back when the controller signs that the motor is blocked', async () => {
    await using app = await home()
    const id = await app.asks()
    expect(await app.used()).toBe(1)
    expect(await app.reports(id, 'motor_blocked')).toBe(200)
    expect(await app.used()).toBe(0)
    const again = await app.asks()
    expect(await app.reports(again, 'released')).toBe(200)
    expect(await app.used()).toBe(1)
  })

  test('stays spent if another attempt of that visit was released', async () => {
    await using app = await home()
    const [first, second] = [await app.asks(), await app.asks()]
    expect(await app.reports(second, 'released')).toBe(200)
    expect(await app.reports(first, 'motor_blocked')).toBe(200)
    expect(await app.used()).toBe(1)
  })

  test('is given back if no controller is online to be asked', async () => {
    await using app = await home()
    app.clock.passedMs += 60_000
    app.clock.nowMs += 60_000
    expect(await app.unlock()).toMatchObject({ decision: 'permitted' })
    await until(async () => (await app.used()) === 0)
    expect(await app.used()).toBe(0)
  })
})
