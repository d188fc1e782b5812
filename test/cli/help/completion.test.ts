import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allCommands } from '../../../src/cli/commands.ts'
import { completed } from '../../../src/cli/help/completion.ts'
import { BINARY, runCommand, temporaryFolder } from '../../support/binary.ts'

const COMMANDS = await allCommands()

/** The words that complete a line. */
const wordsAfter = (line: string): string[] => {
  const before = line.split(' ')
  const current = before.pop() ?? ''
  return completed({ current, before }, COMMANDS).map((candidate) => candidate.split('\t')[0] ?? '')
}

describe('completion at the cursor', () => {
  test('offers every command, or those that begin with the typed letters', () => {
    expect(wordsAfter('')).toStrictEqual(Object.keys(COMMANDS))
    expect(wordsAfter('he')).toStrictEqual(['healthcheck', 'help'])
    expect(wordsAfter('dance ')).toStrictEqual([])
  })

  test.each([
    ['user a', ['add', 'admit']],
    [
      'user add --',
      ['--role', '--phone', '--address', '--email', '--unit', '--env-file', '--help', '--version'],
    ],
    ['user add --role ', ['member', 'admin', 'owner']],
    ['user add --role owner --r', []],
    ['user role ada a', ['admin']],
    ['user second-factor ', ['off']],
    ['user second-factor off ', []],
    ['invite ', ['list', 'revoke']],
    [
      'invite --label list --',
      ['--role', '--unit', '--hours', '--uses', '--env-file', '--help', '--version'],
    ],
    ['log verify --checkpoint a --checkpoint ', [':files']],
    ['log export --out ', [':folders']],
    ['--env-file ', [':files']],
    ['--env-file x user list ', []],
    ['help sett', ['settings']],
    ['help unlock', ['unlock-log']],
    ['completion ', ['bash', 'zsh', 'fish']],
  ])('after "%s"', (line, words) => {
    expect(wordsAfter(line)).toStrictEqual(words)
  })

  test('each action and option of each command has a description', () => {
    for (const [name, { actions = {} }] of Object.entries(COMMANDS))
      for (const line of [
        ...completed({ current: '', before: [] }, COMMANDS),
        ...completed({ current: '-', before: [name] }, COMMANDS),
        ...Object.keys(actions).flatMap((action) =>
          completed({ current: '-', before: [name, action] }, COMMANDS),
        ),
      ])
        expect(line).toMatch(/^[\w-]+\t\S/)
  })

  test('an unknown shell is refused, and the known ones are listed', async () => {
    expect(await runCommand(['completion', 'csh'])).toMatchObject({
      status: 2,
      words: 'completion needs one of: bash, zsh, fish\nSee: secure-lock-server help completion\n',
    })
  })
})

const isRequired = process.env['REQUIRE_SHELLS'] === '1'
const has = (shell: string): boolean => isRequired || Bun.which(shell) !== null

describe('completion in a real shell', () => {
  const folder = temporaryFolder()
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    HOME: folder,
    TERM: 'xterm',
  }

  beforeAll(async () => {
    mkdirSync(join(folder, 'bin'))
    mkdirSync(join(folder, 'some-folder'))
    writeFileSync(join(folder, 'some-file'), '')
    symlinkSync(BINARY, join(folder, 'bin/secure-lock-server'))
    for (const shell of ['bash', 'zsh', 'fish'])
      writeFileSync(join(folder, shell), (await runCommand(['completion', shell])).out)
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  const output = (command: readonly string[]): string => {
    const run = Bun.spawnSync([...command], { cwd: folder, env, stderr: 'pipe' })
    expect(`${run.exitCode} ${run.stderr.toString()}`).toBe('0 ')
    return run.stdout.toString().trim()
  }

  test.if(has('bash'))('bash', () => {
    const inBash = (...words: readonly string[]) =>
      output([
        'bash',
        '-c',
        `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
         _secure_lock_server "$1" "\${!#}"; printf '%s\\n' "\${COMPREPLY[@]}"`,
        'bash',
        'secure-lock-server',
        ...words,
      ]).split('\n')
    expect(inBash('')).toStrictEqual(Object.keys(COMMANDS))
    expect(inBash('user', 'add', '--ro')).toStrictEqual(['--role'])
    expect(inBash('user', 'add', '--role', 'o')).toStrictEqual(['owner'])
    expect(inBash('log', 'verify', '--bundle', 'some')).toStrictEqual(['some-folder'])
    expect(inBash('--env-file', 'some').toSorted()).toStrictEqual(['some-file', 'some-folder'])
  })

  test.if(has('fish'))('fish', () => {
    const inFish = (line: string) =>
      output(['fish', '-c', `source ./fish; complete -C "${line}"`])
        .split('\n')
        .map((candidate) => candidate.split('\t')[0] ?? '')
    expect(inFish('secure-lock-server ').toSorted()).toStrictEqual(Object.keys(COMMANDS).toSorted())
    expect(inFish('secure-lock-server user add --ro')).toStrictEqual(['--role'])
    expect(inFish('secure-lock-server user add --role o')).toStrictEqual(['owner'])
    expect(inFish('secure-lock-server log verify --bundle some')).toStrictEqual(['some-folder/'])
    expect(inFish('secure-lock-server --env-file some-fi')).toStrictEqual(['some-file'])
  })

  test.if(has('zsh'))('zsh', () => {
    // Its completion works only at a terminal, so Tab is typed there and the line is run.
    const typed = (line: string) =>
      output([
        'zsh',
        '-fc',
        `zmodload zsh/zpty
         zpty shell zsh -fi
         zpty -w shell 'PS1=; unset zle_bracketed_paste; autoload -U compinit; compinit -u; source ./zsh; preexec() { print -r "ran:$1:" }; print re''ady'
         zpty -r shell shown '*ready*'
         zpty -w -n shell $'${line}\\n'
         zpty -r shell shown '*ran:*:*'
         print -r -- "$shown"; zpty -d shell`,
      ])
    expect(typed('secure-lock-server sys\\t')).toContain('ran:secure-lock-server systemd-unit:')
    expect(typed('secure-lock-server user add --ro\\tow\\t')).toContain(
      'ran:secure-lock-server user add --role owner:',
    )
  })
})
