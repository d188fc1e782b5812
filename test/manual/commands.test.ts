import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { BINARY, startService, temporaryFolder } from '../support/binary.ts'
import { type Files, canBeGateway, visitGateway } from '../support/gateway.ts'
import { olderFile, user } from '../support/older-server.ts'
import {
  DOCUMENTS,
  type Step,
  answersOf,
  patternOf,
  scriptOf,
  section,
  stepsOf,
  textOf,
  typedByAPerson,
} from '../support/manual.ts'

/** What is not run here, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npx -y bun@1.4.5 start$/, 'a test of what it builds starts it everywhere'],
  [/^npx -y bun@1.4.5 run test$/, 'it is what runs this'],
  [/^docker /, 'no engine is at hand; test/binary/image.test.ts runs the image without one'],
  [/^bun run (build:all|release)/, '.ci/run runs them'],
  [/^apt-get install --no-install-recommends qemu/, 'it installs what test:gateway needs'],
  [/^sed -n 's\/\^extra/, 'it needs a receipt of a controller: test/unlocks/bundle runs it'],
  [/^create(user|db) /, 'they are PostgreSQL’s own: test/manual/postgresql.test.ts runs them'],
  [
    /^(pg_dump|psql) |\/dump_test\?|home\.tar/,
    'they need a server: test/cli/backup/server-home.test.ts verifies a dump',
  ],
  [
    /secure-lock\.database|migrate --to/,
    'it needs a server: test/cli/migrate.test.ts moves a home to one, and back',
  ],
  [
    /^(port=8081|for name in two three;)/,
    'they need a server: test/manual/postgresql.test.ts runs them',
  ],
  [/^sha256sum --check/, '.ci/run runs it where the files are; nothing is published yet'],
]
const isRun = ({ command }: Step): boolean => !NOT_RUN.some(([what]) => what.test(command))
const runnable = (text: string): readonly Step[] => stepsOf(text).filter(isRun)

const README = runnable(section('README.md', 'First owner and first unlock'))
const GATEWAY = runnable(section('README.md', 'Install on a gateway'))
const INSTALL = 'src/manual/install.md'

/** Pages whose commands are pasted beside a running service, after what must be there. */
const BESIDE_SERVICE: Readonly<Record<string, readonly Step[]>> = {
  'README.md': [],
  'src/manual/getting-started.md': [],
  'src/manual/access-tokens.md': README,
  'src/manual/accounts.md': README,
  'src/manual/api.md': README,
  'src/manual/audit-events.md': README,
  'src/manual/unlock-log.md': README,
}

/** Pages whose commands are pasted on a gateway as root, after what must be there. */
const ON_GATEWAY: Readonly<Record<string, readonly Step[]>> = {
  [INSTALL]: [],
  'src/manual/backups.md': GATEWAY,
  'src/manual/commands.md': GATEWAY,
  'src/manual/https.md': GATEWAY,
  'src/manual/legacy-server.md': GATEWAY,
  'src/manual/metrics.md': GATEWAY,
  'src/manual/troubleshooting.md': GATEWAY,
}

/** Pages whose commands have a test of their own, in an empty folder. */
const IN_EMPTY_FOLDER = ['src/manual/first-opening.md']

test('every command that a page shows is pasted by a test here, or a reason says why not', () => {
  const covered = new Set([
    ...Object.keys(BESIDE_SERVICE),
    ...Object.keys(ON_GATEWAY),
    ...IN_EMPTY_FOLDER,
  ])
  const left = DOCUMENTS.filter((path) => runnable(textOf(path)).length > 0 && !covered.has(path))
  expect(left).toStrictEqual([])
  const all = DOCUMENTS.flatMap((path) => stepsOf(textOf(path)))
  for (const [what] of NOT_RUN) expect(all.some(({ command }) => what.test(command))).toBe(true)
})

test('the README shows the five endpoints of the existing app', () => {
  const typed = README.map(({ command }) => command).join('\n')
  for (const path of ['register', 'login', 'logUnlocking', 'getLogs', 'getUsers'])
    expect(typed).toContain(`localhost:8080/${path}`)
})

describe.skipIf(!Bun.which('curl'))('pasted beside a running service', () => {
  for (const [path, before] of Object.entries(BESIDE_SERVICE))
    describe(path, () => {
      const steps = path === 'README.md' ? README : runnable(textOf(path))
      let answers: readonly string[] = []

      beforeAll(async () => {
        const commands = [...before, ...steps].map(({ command }) => command)
        answers = (await pasteBesideService(commands)).slice(before.length)
      })

      for (const [index, { command, answer }] of steps.entries())
        test(`${index + 1}. ${command.split(' \\\n')[0]}`, () => {
          expect(answers[index]).toBeDefined()
          if (answer !== undefined) expect(answers[index]).toMatch(patternOf(answer))
        })
    })
})

/** Runs the commands in one shell, in the folder of a service and its executable. */
const pasteBesideService = async (commands: readonly string[]): Promise<readonly string[]> => {
  const folder = temporaryFolder()
  try {
    mkdirSync(join(folder, 'dist'))
    symlinkSync(BINARY, join(folder, 'dist/secure-lock-server'))
    await using service = await startService({ folder })
    const { host } = new URL(service.url)
    const shell = Bun.spawn(['sh'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], NO_PROXY: '*' },
      stdin: Buffer.from(scriptOf(commands, '').replaceAll('localhost:8080', host)),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [written, words] = await Promise.all([
      new Response(shell.stdout).text(),
      new Response(shell.stderr).text(),
    ])
    expect(`${await shell.exited} ${(await shell.exited) === 0 ? '' : words}`).toBe('0 ')
    return answersOf(written)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const PASSWORD_LINE = 'four brown doors and a chair\n'

describe.if(canBeGateway())('pasted on a gateway as root', () => {
  const paste = async (before: readonly Step[], steps: readonly Step[], files: Files = {}) => {
    const commands = [...before, ...steps].map(typedByAPerson)
    const { status, words, answers } = await visitGateway(commands, { files, input: PASSWORD_LINE })
    expect(`${status} ${status === 0 ? '' : words}`).toBe('0 ')
    for (const [index, { answer }] of steps.entries())
      if (answer !== undefined)
        expect(labelsOf(answers[before.length + index] ?? '')).toStrictEqual(labelsOf(answer))
  }

  test('the README', () => paste([], GATEWAY))

  test('install.md, with systemd, and then a new version', () => {
    const text = textOf(INSTALL)
    return paste(
      runnable(section(INSTALL, 'With systemd')),
      runnable(text.slice(text.indexOf('## Install a new version'))),
    )
  })

  test('install.md, without systemd', () => {
    const [scripts, steps] = parted(runnable(section(INSTALL, 'Without systemd')))
    expect(scripts).toHaveLength(1)
    return paste([], steps, filesOf(scripts))
  })

  test('install.md, the key for Compose', () =>
    paste([], runnable(section(INSTALL, 'With Docker'))))

  for (const [path, before] of Object.entries(ON_GATEWAY))
    if (path !== INSTALL)
      test(path, () => paste(before, runnable(textOf(path)), { ...legacyDatabase() }))
})

/** The first word of each line: what stays the same on each machine. */
const labelsOf = (text: string): readonly (string | undefined)[] =>
  text.split('\n').map((line) => line.trim().split(/\s+/)[0])

const parted = (steps: readonly Step[]) => {
  const isScript = ({ command }: Step) => command.startsWith('#!')
  return [steps.filter(isScript), steps.filter((step) => !isScript(step))] as const
}

/** Scripts, where the paragraph before them says they are to be saved. */
const filesOf = (scripts: readonly Step[]): Files =>
  Object.fromEntries(
    scripts.map(({ command, before }) => {
      const [, path = '', mode = ''] = /`(\/\S+)`, with mode (\d+)/.exec(before) ?? []
      return [path, { content: `${command}\n`, mode: Number.parseInt(mode, 8) }]
    }),
  )

/** The file of the legacy server that the page about it speaks of. */
const legacyDatabase = (): Files => {
  const folder = temporaryFolder()
  try {
    const path = olderFile(join(folder, 'database.db'), {
      users: [user(1, 'grace'), user(17, 'mallory', 'no hash')],
      unlocks: [
        [1, 'grace', 'pin', '2024-05-01 10:00:00'],
        [40, 'grace', 'pin', 'yesterday'],
      ],
    })
    return { '/home/pi/lock-server/instance/database.db': { content: readFileSync(path) } }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
