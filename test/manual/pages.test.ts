import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Command } from '../../src/cli/command/command.ts'
import { allCommands } from '../../src/cli/commands.ts'
import { COMMON_OPTIONS } from '../../src/cli/help/help.ts'
import { DOCUMENTS, PAGES, ROOT, textOf } from '../support/manual.ts'

test('the README is a front page of 10 to 15 KB', () => {
  expect(textOf('README.md').length).toBeGreaterThan(10_000)
  expect(textOf('README.md').length).toBeLessThan(15_000)
})

test('every page begins with its title and a sentence about who it is for', () => {
  for (const page of PAGES) expect(textOf(page)).toMatch(/^# \S.*\n\nFor .+[.]\n\n/)
})

test('the README leads to every page', () => {
  const readme = textOf('README.md')
  for (const page of PAGES) expect(readme).toContain(`](${page}`)
})

test('every block of code ends', () => {
  for (const path of DOCUMENTS) expect((textOf(path).match(/^ *```/gm) ?? []).length % 2).toBe(0)
})

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')

const withoutCode = (text: string): string => text.replaceAll(/^ *```[^]*?^ *```$/gm, '')

const anchorsIn = (path: string): readonly string[] =>
  [...withoutCode(textOf(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    anchorOf(heading),
  )

test('every link leads to a file and a heading that are there', () => {
  const lost: string[] = []
  for (const path of DOCUMENTS)
    for (const [, target = ''] of withoutCode(textOf(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const at = file === '' ? path : normalize(join(dirname(path), file))
      if (!existsSync(join(ROOT, at))) lost.push(`${path}: ${target}`)
      else if (anchor !== undefined && !anchorsIn(at).includes(anchor))
        lost.push(`${path}: ${target}`)
    }
  expect(lost).toStrictEqual([])
})

test('every script that a page names is one of package.json', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
  const named = DOCUMENTS.flatMap((path) =>
    [...textOf(path).matchAll(/\bbun(?:@[\d.]+)? (?:run )?(start|(?<=run )[\w:]+)/g)].map(
      ([, name = '']) => name,
    ),
  )
  expect([...new Set(named)].filter((name) => !Object.hasOwn(scripts, name))).toStrictEqual([])
  expect(named).toContain('start')
})

const commands = await allCommands()

describe('every command line on a page is one that the executable takes', () => {
  const names = Object.keys(commands).join('|')

  /** Whatever is typed after the executable, or a command that stands by itself in code. */
  const typed = (text: string): readonly string[] => [
    ...[...text.matchAll(/secure-lock-server((?: [^\s`;&|>)]+)+)/g)].map(([, words = '']) => words),
    ...[...text.matchAll(new RegExp(`\`((?:${names}) [^\`\n]+)\``, 'g'))].map(
      ([, words = '']) => words,
    ),
  ]

  const faultOf = (line: string): string | undefined => {
    const words = line
      .replaceAll(/[[\]"…]/g, '')
      .trim()
      .split(/\s+/)
    if (words[0] === '--env-file') words.splice(0, 2)
    const [name = '', second = ''] = words
    if (name.startsWith('--') || /^[^a-z]/.test(name)) return undefined
    if (!Object.hasOwn(commands, name)) return `no command ${name}`
    const command: Command | undefined = commands[name]
    const { actions = {}, operands = [], options = {} } = command ?? {}
    const chosen = second.split(/\\?\|/)
    const isAction = Object.keys(actions).length > 0 && operands.length === 0
    if (isAction && /^[a-z]/.test(second))
      for (const word of chosen)
        if (!Object.hasOwn(actions, word)) return `no action ${name} ${word}`
    const known = new Set([
      ...Object.keys(COMMON_OPTIONS),
      ...Object.keys(options),
      ...chosen.flatMap((word) => Object.keys(actions[word]?.options ?? {})),
    ])
    const wrong = words.find((word) => /^--\w/.test(word) && !known.has(word.slice(2)))
    return wrong === undefined ? undefined : `no option ${wrong} of ${name}`
  }

  for (const path of DOCUMENTS)
    test(path, () => {
      const faults = typed(textOf(path)).flatMap((line) => {
        const fault = faultOf(line)
        return fault === undefined ? [] : [`${fault}: ${line}`]
      })
      expect(faults).toStrictEqual([])
    })
})
