import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { format } from '@wasm-fmt/dart_fmt'
import { allCommands } from '../src/cli/commands.ts'
import { SETTINGS } from '../src/config.ts'
import { BINARY, startService, temporaryFolder } from './support/binary.ts'

const README = readFileSync(join(import.meta.dir, '../README.md'), 'utf8')

/** The text between a heading and the next one of the same or a higher level. */
const section = (title: string): string =>
  README.split(/^(?=##? )/m).find((part) => part.startsWith(`## ${title}\n`)) ?? ''

test('the table of settings has exactly the settings and their defaults', () => {
  const rows = [
    ...section('Settings').matchAll(/^\| `(?<name>\w+)` +\| (?<fallback>[^|]*\S) +\|/gm),
  ]
  expect(rows.map(({ groups }) => [groups?.['name'], groups?.['fallback']])).toStrictEqual(
    Object.values(SETTINGS).map(({ env, fallback }) => [
      env,
      fallback ? `\`${fallback}\`` : 'none',
    ]),
  )
})

test('every command is in the table of commands', async () => {
  const names = [...section('Commands').matchAll(/^\| `secure-lock-server (?<name>[\w-]+)`/gm)].map(
    ({ groups }) => groups?.['name'],
  )
  expect(names).toStrictEqual(Object.keys(await allCommands()))
})

test('every metric is in the table of metrics', async () => {
  await using service = await startService()
  const exported = await (await fetch(`${service.url}/metrics`)).text()
  const told = [...exported.matchAll(/^# TYPE (?<name>\w+) /gm)].map(
    ({ groups }) => groups?.['name'],
  )
  const rows = section('Metrics').match(/^\| `.*? \|/gm) ?? []
  const named = rows.flatMap((row) => row.match(/(?<=`)\w+(?=`)/g) ?? [])
  expect(new Set(named)).toStrictEqual(new Set(told.map(String)))
})

test('every dependency says why it is there', () => {
  const { dependencies } = JSON.parse(
    readFileSync(join(import.meta.dir, '../package.json'), 'utf8'),
  ) as { dependencies: Record<string, string> }
  const named = [...README.matchAll(/^- `(?<name>[^`]+)`: /gm)].map(
    ({ groups }) => groups?.['name'],
  )
  expect(new Set(named)).toStrictEqual(new Set(Object.keys(dependencies)))
})

test('the Dart code of the page for the app parses, and stands as Dart’s own formatter writes it', () => {
  const blocks = [...README.matchAll(/^```dart\n(?<code>[^]*?)^```$/gm)].map(
    ({ groups }) => groups?.['code'] ?? '',
  )
  expect(blocks).toHaveLength(5)
  const file = blocks.join('\n')
  expect(format(file, 'lock_server.dart')).toBe(file)
  expect(() => format(file.replace('class LockServer {', 'class LockServer ('), 'x.dart')).toThrow()
})

describe.skipIf(!Bun.which('curl'))('the walk, pasted as it stands', () => {
  const steps = walk()
  let answers: readonly string[] = []

  beforeAll(async () => {
    answers = await paste(steps.map(({ command }) => command))
  })

  test('has the five endpoints', () => {
    for (const path of ['register', 'login', 'logUnlocking', 'getLogs', 'getUsers'])
      expect(steps.filter(({ command }) => command.includes(`8080/${path}`))).not.toBeEmpty()
  })

  for (const [index, { command, answer }] of steps.entries())
    test(`${index + 1}. ${command.split(' \\\n')[0]}`, () => {
      expect(answers[index]).toMatch(pattern(answer))
    })
})

type Step = { readonly command: string; readonly answer: string }

/** Each `sh` block of the walk, with the `text` block that follows it as its answer. */
function walk(): readonly Step[] {
  const step = /^```sh\n(?<command>[^]*?)\n```(?:\n\n```text\n(?<answer>[^]*?)\n```)?$/gm
  return [...section('Walk').matchAll(step)].map(({ groups }) => ({
    command: groups?.['command'] ?? '',
    answer: groups?.['answer'] ?? '',
  }))
}

const MARK = '=== end of a step ==='

/** Runs the commands in one shell, beside the executable and the service; gives what each wrote. */
async function paste(commands: readonly string[]): Promise<readonly string[]> {
  const folder = temporaryFolder()
  try {
    mkdirSync(join(folder, 'dist'))
    symlinkSync(BINARY, join(folder, 'dist/secure-lock-server'))
    await using service = await startService({ folder })
    const { port } = new URL(service.url)
    const script = commands.map((command) => `${command}\necho '${MARK}'\n`).join('')
    const shell = Bun.spawn(['sh', '-e'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], NO_PROXY: '*' },
      stdin: Buffer.from(script.replaceAll('localhost:8080', `localhost:${port}`)),
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const written = await new Response(shell.stdout).text()
    expect(await shell.exited).toBe(0)
    return written.split(`${MARK}\n`).map((answer) => answer.trim())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The answer as printed, where `…` stands for anything within a JSON string. */
function pattern(answer: string): RegExp {
  const parts = answer.split('…').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^"\\n]+')}$`)
}
