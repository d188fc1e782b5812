import { expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { doorKeys } from '../../../src/controllers/door-key/door-key.ts'
import { importKeyPair, publicKeyOf } from '../../../src/domain/statement/p256.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { AppError } from '../../../src/errors.ts'
import { recordsOf } from '../../support/app.ts'
import { controlledHome } from '../../support/controlled-home.ts'

type Home = Awaited<ReturnType<typeof controlledHome>>

const rotate = (home: Home, isStolen = false) =>
  home.controllers.rotateDoorKey(COMMAND_LINE, { isStolen })

const keyFile = (home: Home): string => join(home.folder, 'data/door-signing-key')

/** Eva asks while the controller polls; returns whether a command is for that poll by the key that it trusts. */
const opens = async (home: Home, controller: Awaited<ReturnType<Home['enrolled']>>) => {
  await controller.poll()
  const { id } = await home.ask()
  const answer = await controller.poll()
  const followed: boolean[] = []
  for (const succession of answer?.successions ?? [])
    followed.push(await controller.follow(succession))
  const [command = ''] = answer?.commands ?? []
  const attempt = await controller.attemptOf(command, answer?.nonce ?? new Uint8Array())
  await controller.send(await controller.next('released', { attempt: id }))
  return { isOurs: attempt === id, followed }
}

test('a controller follows any number of new door keys, each signed by the one before', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [] })
  const secret = readFileSync(keyFile(home), 'utf8')
  await rotate(home)
  await rotate(home)
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [true, true] })
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [] })
  // Only the newest private half stays.
  expect(readFileSync(keyFile(home), 'utf8').trim().split('\n')).toHaveLength(1)
  expect(readFileSync(keyFile(home), 'utf8')).not.toBe(secret)
  expect(await home.records()).toStrictEqual([
    'door_key.made',
    'device.enrolled',
    'door_key.ended',
    'door_key.made',
    'door_key.ended',
    'door_key.made',
  ])
  expect(recordsOf(home.logLines, 'door_key.rotate')).toHaveLength(2)
  // The log has the public half of each.
  const made = await home.db.all<{ body: string }>(
    "SELECT body FROM log_record WHERE kind = 'door_key.made' ORDER BY seq",
  )
  const keys = made.map(({ body }) => (JSON.parse(body) as { key: string }).key)
  const pair = await importKeyPair(
    Uint8Array.fromBase64(readFileSync(keyFile(home), 'utf8').trim()),
  )
  expect([new Set(keys).size, keys.at(-1)]).toStrictEqual([3, (await publicKeyOf(pair)).toBase64()])
})

test('a controller that waits learns of the new key at once', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  await controller.poll()
  const polling = controller.poll({ wait: 20 })
  await home.online()
  await rotate(home)
  await home.controllers.refresh()
  expect((await polling)?.successions).toHaveLength(1)
})

test('after a theft, nothing leads to the new key, and all controllers have to enrol again', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  await rotate(home, true)
  await home.controllers.refresh()
  expect(await home.listed()).toMatchObject([{ state: 'removed' }])
  expect(
    (await home.get('/v1/controller/commands?nonce=PpmMh9Xt8Wf3wMcAJd4v8A', controller.headers()))
      .status,
  ).toBe(401)
  expect(await controller.enrol(await home.makeCode())).toBe(200)
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [] })
})

test('a gateway that was killed while it replaced the key has one key in use, and the file has it', async () => {
  await using home = await controlledHome()
  const controller = await home.enrolled()
  const before = readFileSync(keyFile(home), 'utf8')
  await rotate(home)
  // Before COMMIT: the new key is in the file, and the old one counts.
  const after = readFileSync(keyFile(home), 'utf8')
  writeFileSync(keyFile(home), after + before)
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [true] })
  await rotate(home)
  expect(await opens(home, controller)).toStrictEqual({ isOurs: true, followed: [true] })
})

test('without the private half nothing opens and nobody enrols, until the key is replaced as if stolen', async () => {
  await using home = await controlledHome()
  await home.enrolled()
  rmSync(keyFile(home))
  // As after a restart.
  const keys = doorKeys({
    ...home,
    dataDir: join(home.folder, 'data'),
    auditIn: home.audit.auditIn,
    recordIn: home.unlocks.recordIn,
    clock: clockFrom(),
  })
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof AppError ? error.code : String(error)),
    )
  const alsoIn = async () => {}
  expect(await codeOf(keys.current())).toBe('unavailable')
  expect(await codeOf(keys.require(COMMAND_LINE))).toBe('unavailable')
  expect(await codeOf(keys.rotate(COMMAND_LINE, { isStolen: false, alsoIn }))).toBe('unavailable')
  expect(await codeOf(keys.rotate(COMMAND_LINE, { isStolen: true, alsoIn }))).toBe('done')
  expect(await codeOf(keys.current())).toBe('done')
})
