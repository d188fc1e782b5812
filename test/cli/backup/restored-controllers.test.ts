import { afterAll, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { testController } from '../../support/controller.ts'

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('restore FILE brings the door key back, and no controller that was removed since', async () => {
  const env = { ...UNLIMITED, LOG_LEVEL: 'warn', PORT: String(await freePort()) }
  const run = async (...args: string[]) => {
    const { status, out, words } = await runCommand(args, { folder, env })
    expect(`${args.join(' ')}: ${status} ${words}`).toStartWith(`${args.join(' ')}: 0`)
    return { out, words }
  }
  const keyFile = join(folder, 'data/door-signing-key')
  await addAccount('ada', { folder, env, role: 'owner' })
  {
    await using service = await startService({ folder, env })
    const { post, delete: remove } = clientOf(service.url)
    const by = bearer(await tokenFor(service.url, 'ada'))
    const makeCode = async () => {
      const made = await post('/v1/locks/front-door/controllers', { password: PASSWORD }, by)
      return ((await made.json()) as { code: string }).code
    }
    const [kept, removed] = [await testController(service.url), await testController(service.url)]
    await kept.enrol(await makeCode())
    await removed.enrol(await makeCode())
    const unused = await makeCode()
    await kept.send(await kept.next('started'))
    await run('backup', 'then.tar')
    const secret = readFileSync(keyFile, 'utf8')
    const later = await kept.next('opening')
    await kept.send(later)
    await remove(`/v1/controllers/${removed.id()}`, { password: PASSWORD }, by)
    await service.stop()
    rmSync(keyFile)

    await run('restore', '--yes', 'then.tar')
    expect(readFileSync(keyFile, 'utf8')).toBe(secret)
    await using restored = await startService({ folder, env })
    expect(restored.url).toBe(service.url)
    expect(await kept.poll()).toBeUndefined()
    expect((await removed.send(await removed.next('started'))).status).toBe(401)
    expect(await (await testController(service.url)).enrol(unused)).toBe(404)
    // What the older data does not have is asked for again.
    const newest = await kept.next('released')
    expect(await (await kept.send(newest)).json()).toStrictEqual({ through: 1, missing: [[2, 2]] })
    expect(await (await kept.send(later)).json()).toStrictEqual({ through: 3, missing: [] })
    await restored.stop()
  }
})
