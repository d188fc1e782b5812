import { expect, test } from 'bun:test'
import { controlledHome } from '../support/controlled-home.ts'

test('a permitted attempt opens: code, enrolment, poll, command, reports, and the result on the attempt', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  const polling = controller.poll({ wait: 20 })
  await Bun.sleep(0)
  await home.online()
  const { id, decision, delivery } = await home.ask()
  expect({ decision, delivery }).toStrictEqual({ decision: 'permitted', delivery: 'asked' })
  const answer = await polling
  const [command = ''] = answer?.commands ?? []
  expect(await controller.attemptOf(command, answer?.nonce ?? new Uint8Array())).toBe(id)
  const opening = await controller.next('opening', { attempt: id })
  expect(await (await controller.send(opening)).json()).toStrictEqual({ through: 1, missing: [] })
  expect(await home.attempt(id)).toMatchObject({ delivery: 'accepted' })
  const unlocked = await controller.next('unlocked', { attempt: id })
  expect(await (await controller.send(unlocked)).json()).toStrictEqual({ through: 2, missing: [] })
  expect(await home.attempt(id)).toMatchObject({ delivery: 'happened', lock_says: 'unlocked' })
  expect(await home.newestEvent()).toMatchObject({ username: 'eva', result: 'unlocked' })
  expect(await home.records()).toStrictEqual(['door_key.made', 'device.enrolled'])
})
