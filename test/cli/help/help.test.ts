import { describe, expect, test } from 'bun:test'
import { allCommands } from '../../../src/cli/commands.ts'
import { SETTINGS, type Setting } from '../../../src/config/settings.ts'
import { PAGES } from '../../../src/manual/pages.ts'
import { runCommand } from '../../support/binary.ts'

const COMMANDS = await allCommands()

const shown = async (...words: readonly string[]): Promise<string> => {
  const { status, out } = await runCommand(words)
  expect(status).toBe(0)
  return out
}

describe('help', () => {
  test('--help lists every command, and fits on two screens', async () => {
    const out = await shown('--help')
    for (const name of Object.keys(COMMANDS))
      expect(out).toMatch(new RegExp(`^  ${name} +\\S`, 'm'))
    expect(out.split('\n').length).toBeLessThanOrEqual(52)
    expect(await shown('-h')).toBe(out)
    expect(await shown('help')).toBe(out)
  })

  test('help settings has every setting with its default and meaning', async () => {
    const words = (text: string) => text.replaceAll(/[\s`]/g, '')
    const out = words(await shown('help', 'settings'))
    for (const { env, doc, defaultText } of Object.values<Setting>(SETTINGS))
      expect(out).toContain(words(`${env} [${defaultText || 'none'}] ${doc}`))
    expect(out).toContain('JWT_SECRET_KEY_FILE')
  })

  test('help TOPIC shows a page of the manual, and help COMMAND manual that of a command', async () => {
    const overview = await shown('help')
    for (const [name, { markdown }] of PAGES) {
      const words = Object.hasOwn(COMMANDS, name) ? [name, 'manual'] : [name]
      expect(overview).toMatch(new RegExp(`^ +.*\\b${name}\\b`, 'm'))
      expect(`# ${(await shown('help', ...words)).split('\n')[0]}`).toBe(
        markdown.split('\n')[0] ?? '',
      )
    }
  })

  test.each(Object.entries(COMMANDS))(
    'help %s has its actions and options',
    async (name, command) => {
      const out = await shown('help', name)
      expect(await shown(name, '--help')).toBe(out)
      expect(out).toContain('Exit status:')
      for (const [action, { options = {} }] of Object.entries(command.actions ?? {})) {
        expect(await shown('help', name, action)).toBe(out)
        expect(out).toContain(`secure-lock-server ${name} ${action}`)
        for (const option of Object.keys(options)) expect(out).toContain(`--${option}`)
      }
      for (const option of Object.keys(command.options ?? {})) expect(out).toContain(`--${option}`)
      for (const line of out.split('\n')) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(80)
    },
  )

  test('every option of a usage line is in the table that completion and help share', () => {
    for (const [name, { usage = '', options, actions = {} }] of Object.entries(COMMANDS)) {
      const tables = [options, ...Object.values(actions).map((action) => action.options)]
      const known = new Set(tables.flatMap((table = {}) => Object.keys(table)))
      const used = [...usage.matchAll(/--([\w-]+)/g)].map(([, option]) => option)
      expect(`${name}: ${used.filter((option) => !known.has(option ?? '')).join()}`).toBe(
        `${name}: `,
      )
    }
  })

  test('has no colours if it is not shown at a terminal', async () => {
    expect(await shown('--help')).not.toContain('\u001B')
  })
})

const hasMandoc = process.env['REQUIRE_MANDOC'] === '1' || Bun.which('mandoc') !== null

describe.if(hasMandoc)('the manual page', () => {
  const through = async (...options: readonly string[]) => {
    const run = Bun.spawnSync(['mandoc', ...options], {
      stdin: Buffer.from(await shown('man')),
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
    })
    return run.stdout.toString()
  }

  test('passes mandoc’s checks', async () => {
    // Manual pages usually have a date; this one has the version instead.
    const complaints = (await through('-T', 'lint', '-W', 'warning')).split('\n')
    expect(complaints.filter((line) => line && !line.includes('missing date'))).toStrictEqual([])
  })

  test('contains every command, action, option and setting', async () => {
    const page = (await through('-T', 'utf8', '-O', 'width=500')).replaceAll(/.[\b]/g, '')
    for (const [name, { actions = {}, options = {} }] of Object.entries(COMMANDS)) {
      expect(page).toContain(`secure-lock-server ${name}`)
      for (const [action, one] of Object.entries(actions)) {
        expect(page).toContain(`secure-lock-server ${name} ${action}`)
        for (const option of Object.keys(one.options ?? {})) expect(page).toContain(`--${option}`)
      }
      for (const option of Object.keys(options)) expect(page).toContain(`--${option}`)
    }
    for (const { env } of Object.values(SETTINGS)) expect(page).toContain(env)
  })
})

describe('invalid command lines', () => {
  test.each([
    [['usre'], 'There is no command "usre"; did you mean "user"?', '--help'],
    [['health'], 'There is no command "health"; did you mean "healthcheck"?', '--help'],
    [['dance'], 'There is no command "dance"', '--help'],
    [['help', 'serv'], 'There is no command or topic "serv"; did you mean "serve"?', 'help'],
    [
      ['help', 'acounts'],
      'There is no command or topic "acounts"; did you mean "accounts"?',
      'help',
    ],
    [['help', 'dance'], 'There is no command or topic "dance"', 'help'],
    [['help', 'backups', 'x'], 'help takes one command or topic', 'help'],
    [['help', 'user', 'lsit'], 'user knows no "lsit"; did you mean "list"?', 'help'],
    [['version'], 'There is no command "version"; did you mean "--version"?', '--help'],
    [['serve', 'dance'], 'serve takes no arguments', 'help serve'],
    [['user', 'lsit'], 'user knows no "lsit"; did you mean "list"?', 'help user'],
    [
      ['user'],
      'user needs one of: add, list, role, unit, end-date, admit, disable, enable, reset, erase, second-factor',
      'help user',
    ],
    [['audit', '--jso'], 'There is no option "--jso"; did you mean "--json"?', 'help audit'],
    [['serve', '--dance'], 'There is no option "--dance"', 'help serve'],
  ])('%j: says what was meant, and where to read on', async (words, message, page) => {
    expect(await runCommand(words)).toStrictEqual({
      status: 2,
      out: '',
      words: `${message}\nSee: secure-lock-server ${page}\n`,
    })
  })
})
