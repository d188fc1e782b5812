import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../../support/binary.ts'
import { testController } from '../../support/controller.ts'
import { guestPhone } from '../../support/guests.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { forgetHome } from '../../support/test-server.ts'
import { until } from '../../support/until.ts'

const env = { ...UNLIMITED, LOG_LEVEL: 'warn' }

const home = async () => {
  const folder = temporaryFolder()
  const run = async (...args: string[]) => {
    const { status, out, words } = await runCommand(args, { folder, env })
    expect(`${args.join(' ')}: ${status} ${words}`).toStartWith(`${args.join(' ')}: 0`)
    return { out, words }
  }
  await addAccount('ada', { folder, env, role: 'owner' })
  await addAccount('eve', { folder, env })
  const linkIn = (out: string): string => /^Link {3}\S+#pass=(\S+)$/m.exec(out)?.[1] ?? ''
  return {
    folder,
    run,
    invite: async (name: string, ...more: string[]) => {
      const { out } = await run('guest', 'add', name, '--lock', 'front-door', ...more)
      return { id: /^Made {3}(\S+)$/m.exec(out)?.[1] ?? '', code: linkIn(out) }
    },
    newLink: async (id: string) => linkIn((await run('guest', 'link', id)).out),
    controllerCode: async () =>
      /^Code {3}(\w+)$/m.exec((await run('lock', 'controller', 'add', 'front-door')).out)?.[1] ??
      '',
    bind: async ({ url }: Pick<Service, 'url'>, code: string) => {
      const phone = guestPhone(clientOf(url))
      return { ...phone, status: (await phone.bind(code)).status }
    },
  }
}

test('restore FILE gives guests and controllers back only what they have now', async () => {
  const { folder, run, invite, newLink, controllerCode, bind } = await home()
  let service = await startService({ folder, env })
  const [same, relinked, revoked, erased] = [
    await invite('Same'),
    await invite('Relinked'),
    await invite('Revoked'),
    await invite('Erased'),
  ]
  const [samePhone, oldPhone] = [await bind(service, same.code), await bind(service, relinked.code)]
  await bind(service, erased.code)
  const [kept, stolen] = [await testController(service.url), await testController(service.url)]
  for (const controller of [kept, stolen])
    expect(await controller.enrol(await controllerCode())).toBe(200)
  const unusedCode = await controllerCode()
  await run('backup', 'then.tar')

  const code = await newLink(relinked.id)
  expect((await bind(service, code)).status).toBe(200)
  await run('guest', 'revoke', revoked.id)
  await run('guest', 'erase', '--yes', erased.id)
  await run('lock', 'controller', 'remove', stolen.id())
  await run('lock', 'door-key', 'rotate')
  const late = await testController(service.url)
  expect(await late.enrol(unusedCode)).toBe(200)
  await service.stop()

  const { words } = await run('restore', '--yes', 'then.tar')
  expect(words).toContain('Guests erased again: 1\n')
  expect(words).toContain('Passes whose replaced links or removed phones no longer work: 1\n')
  expect(words).toContain('Grants revoked or changed again: 2\n')
  expect(words).toContain('Controllers removed again: 1\n')
  expect(words).toContain('Commands to controllers are signed with the current door key')
  expect(words).not.toContain('until an owner confirms them')
  await run('log', 'verify')

  const { port } = new URL(service.url)
  service = await startService({ folder, env: { ...env, PORT: port } })
  const open = async (phone: typeof samePhone): Promise<string | undefined> => {
    const { body } = await phone.unlock()
    return body.decision ?? body.code
  }
  expect(await open(samePhone)).toBe('permitted')
  expect(await open(oldPhone)).toBe('no_such_pass')
  for (const gone of [relinked.code, revoked.code, erased.code])
    expect((await bind(service, gone)).status).toBe(404)
  expect((await bind(service, code)).status).toBe(200)
  {
    await using db = await homeDatabase(folder)
    expect(await db.get('SELECT label FROM pass WHERE id = ?', erased.id)).toStrictEqual({
      label: null,
    })
    const guests = await db.get("SELECT count(*) AS count FROM pass_device WHERE name = 'iPhone'")
    expect(guests).toStrictEqual({ count: 4 })
  }

  const polled = async (controller: typeof kept) => {
    const path = `/v1/controller/commands?nonce=${'A'.repeat(22)}&wait=0`
    return (await clientOf(service.url).get(path, controller.headers())).status
  }
  expect(await polled(stolen)).toBe(401)
  expect(await polled(late)).toBe(401)
  // The one that stayed follows the key that was rotated after the backup, and opens for a permitted attempt.
  const answer = await kept.poll()
  expect(answer?.successions).toHaveLength(1)
  expect(await kept.follow(answer?.successions[0] ?? '')).toBeTrue()
  const token = await tokenFor(service.url, 'ada')
  const waiting = kept.poll({ wait: 20 })
  const id = crypto.randomUUID()
  await until(async () => {
    const { post } = clientOf(service.url)
    const asked = await post('/v1/locks/front-door/unlock', { id }, bearer(token))
    return asked.status === 200
  })
  const command = await waiting
  expect(await kept.attemptOf(command?.commands[0] ?? '', command?.nonce ?? new Uint8Array())).toBe(
    id,
  )
  await service.stop()
  rmSync(folder, { recursive: true })
})

test('restore FILE on another machine lets guests wait for an owner, and names the controllers', async () => {
  const { folder, run, invite, controllerCode, bind } = await home()
  let service = await startService({ folder, env })
  const pass = await invite('Plumber')
  const controller = await testController(service.url)
  expect(await controller.enrol(await controllerCode())).toBe(200)
  await run('backup', 'then.tar')
  await service.stop()
  rmSync(join(folder, 'data'), { recursive: true })
  forgetHome(join(folder, 'data'))
  const { words } = await run('restore', '--yes', 'then.tar')
  expect(words).toContain('or used up: 1. See grant list\n')
  expect(words).toContain('Controllers as they were at the time of the backup: 1.')

  service = await startService({ folder, env })
  const phone = await bind(service, pass.code)
  expect((await phone.unlock()).body).toMatchObject({ decision: 'denied', reason: 'suspended' })
  const listed = async () => (await run('guest', 'list')).out
  expect(await listed()).toContain('\tsuspended\t')
  expect((await run('grant', 'confirm', '--all')).out).toBe('Confirmed 1\n')
  expect((await phone.unlock()).body).toMatchObject({ decision: 'permitted' })
  expect(await listed()).toContain('\tnow\t')
  await service.stop()
  rmSync(folder, { recursive: true })
})
