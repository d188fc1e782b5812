import { expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { allCommands } from '../../../src/cli/commands.ts'
import { runCommand, temporaryFolder } from '../../support/binary.ts'

/** Arguments for each command and subcommand that takes some. Only `serve`, `user add` and `import`
 * create a database, and `tls init` creates files. */
const ARGS: Readonly<Record<string, readonly string[]>> = {
  'user role': ['ada', 'admin'],
  'user admit': ['ada'],
  'user disable': ['ada'],
  'user enable': ['ada'],
  'user reset': ['ada'],
  'user unit': ['ada', 'Flat 3'],
  'user end-date': ['ada', 'never'],
  'user erase': ['ada', '--yes'],
  'user second-factor': ['off', 'ada'],
  'invite revoke': ['3'],
  'grant add': ['--who', 'members', '--lock', 'all'],
  'grant why': ['--who', 'members', '--lock', 'garage'],
  'grant revoke': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  'grant confirm': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  'grant import': ['stays.ics', '--lock', 'garage'],
  'guest add': ['Plumber', '--lock', 'garage'],
  'guest link': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  'guest revoke': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  'guest erase': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d', '--yes'],
  'lock add': ['garage', 'Garage'],
  'lock rename': ['garage', 'Garage'],
  'lock disable': ['garage'],
  'lock enable': ['garage'],
  'lock retire': ['garage', '--yes'],
  'lock driver': ['garage'],
  'lock slot': ['garage'],
  'lock operator': ['garage'],
  'lock controller': ['list'],
  'lock door-key': ['rotate'],
  'target add': ['webhook', 'Node-RED', '--set', 'url=http://node-red.home'],
  'target change': ['Node-RED', '--name', 'Red'],
  'target test': ['Node-RED'],
  'target on': ['Node-RED'],
  'target off': ['Node-RED'],
  'target remove': ['Node-RED'],
  'target deliveries': ['Node-RED'],
  'target replay': ['Node-RED', '--since', '1'],
  'target secret': ['Node-RED'],
  'token make': ['ada', '--name', 'x', '--scope', 'unlocks:read'],
  'token revoke': ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  'log export': ['--out', 'evidence'],
  'systemd-unit controller': ['--open', 'true', '--close', 'true'],
  backup: ['backup.tar'],
  restore: ['backup.tar'],
  migrate: ['--to', 'postgres://ada@127.0.0.1:1/home'],
  import: ['legacy.db'],
  completion: ['bash'],
}

const CREATES = new Set([
  'serve',
  'user',
  'user add',
  'lock',
  'grant',
  'guest',
  'controller',
  'log',
  'keys',
  'target',
  'token',
  'mqtt',
  'tls',
  'tls init',
])

const forms = Object.entries(await allCommands())
  .flatMap(([name, { actions = {} }]) => [
    [name],
    ...Object.keys(actions).map((action) => [name, action]),
  ])
  .filter((words) => !CREATES.has(words.join(' ')))

const NEED_A_DATABASE = /^(user|invite|lock|grant|guest|log|target|token|audit|backup|migrate)\b/

test.each(forms.map((words) => [words.join(' ')]))(
  'in an empty folder, %s leaves nothing behind',
  async (form) => {
    const folder = temporaryFolder()
    try {
      const { status, words } = await runCommand([...form.split(' '), ...(ARGS[form] ?? [])], {
        folder,
      })
      expect(status).toBeLessThan(2)
      if (NEED_A_DATABASE.test(form)) {
        expect(status).toBe(1)
        expect(words).toContain('There is no database at ')
      }
      expect(readdirSync(folder)).toStrictEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
