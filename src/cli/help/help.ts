import { styleText } from 'node:util'
import { SETTING_GROUPS } from '../../config/settings.ts'
import type { Command, Option, Options } from '../command/command.ts'

export const PROGRAM = 'secure-lock-server'

/** The options that every command takes; `main.ts` reads them. */
export const COMMON_OPTIONS = {
  'env-file': {
    type: 'string',
    value: 'FILE',
    summary:
      'a file of settings, as NAME=value lines; the environment overrides it. No other file is read, not even .env',
  },
  help: { type: 'boolean', short: 'h', summary: 'show help, about the command if you name one' },
  version: { type: 'boolean', short: 'v', summary: 'show the version' },
} as const satisfies Options

/** A part of a page of help: terms and what they mean. */
export type Section = {
  readonly title: string
  readonly entries: readonly Entry[]
}
type Entry = { readonly term: string; readonly text: string }

export type Commands = Readonly<Record<string, Command>>

/** What `--help` shows. */
export const overview = (commands: Commands, topics: readonly string[]): readonly Section[] => [
  { title: 'Usage', entries: [{ term: `${PROGRAM} [COMMAND] [OPTIONS]`, text: '' }] },
  {
    title: 'Commands',
    entries: Object.entries(commands).map(([term, { summary }]) => ({ term, text: summary })),
  },
  { title: 'Options', entries: optionEntries(COMMON_OPTIONS) },
  {
    title: 'More',
    entries: [
      { term: 'help COMMAND', text: 'a command with its options and examples' },
      { term: 'help TOPIC', text: 'a page of the manual' },
    ],
  },
  { title: 'Topics', entries: [{ term: topics.join(', '), text: '' }] },
]

/** The page of one command. */
export const commandPage = (name: string, command: Command): readonly Section[] => {
  const actions = Object.entries(command.actions ?? {})
  const sections: Section[] = [
    { title: 'Usage', entries: usage(name, command) },
    { title: 'Options', entries: optionEntries(command.options ?? {}) },
    ...actions.map(([action, { options = {} }]) => ({
      title: `Options of ${name} ${action}`,
      entries: optionEntries(options),
    })),
    {
      title: 'Examples',
      entries: Object.entries(command.examples ?? {}).map(([text, term]) => ({ term, text })),
    },
    {
      title: 'Exit status',
      entries: Object.entries({ ...EXIT_STATUS, ...command.exitStatus }).map(([term, text]) => ({
        term,
        text,
      })),
    },
  ]
  return sections.filter(({ entries }) => entries.length > 0)
}

const EXIT_STATUS: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'it failed; standard error says why',
  2: 'the command line is wrong',
  70: 'a bug in this program; please report it',
  130: 'interrupted at a question',
}

const usage = (name: string, command: Command): readonly Entry[] => {
  if (command.usage !== undefined)
    return command.usage
      .split(/\n| \| /)
      .map((form) => ({ term: `${PROGRAM} ${form.trim()}`, text: '' }))
  const actions = Object.entries(command.actions ?? {})
  const isAlone = actions.length === 0 || command.options || command.operands
  return [
    ...(isAlone ? [{ term: form(name, command), text: '' }] : []),
    ...actions.map(([word, action]) => ({
      term: form(`${name} ${word}`, action),
      text: action.summary,
    })),
  ]
}

const form = (
  words: string,
  { options = {}, operands = [] }: Pick<Command, 'options' | 'operands'>,
) => [PROGRAM, words, ...Object.entries(options).map(optionForm), ...operands].join(' ')

const NO_BREAK = '\u00a0'

const optionForm = ([name, option]: [string, Option]): string => {
  // Keeps an option and its value on one line.
  const word = option.value ? `--${name}${NO_BREAK}${option.value}` : `--${name}`
  return (option.required ? word : `[${word}]`) + (option.multiple ? '…' : '')
}

const optionEntries = (options: Options): readonly Entry[] =>
  Object.entries(options).map(([name, option]) => ({
    term:
      (option.short ? `-${option.short}, ` : '') +
      `--${name}${option.value ? ` ${option.value}` : ''}`,
    text: option.summary + (option.default ? ` [${option.default}]` : ''),
  }))

export const SETTINGS_INTRO =
  'Settings come from the environment, or from the file that --env-file names. The default is in brackets.'

/** Every setting with its default, one section per group. */
export const settingsPage = (): readonly Section[] =>
  SETTING_GROUPS.map(([title, settings]) => ({
    title,
    entries: Object.values(settings).flatMap(({ env, doc, defaultText, secret }) => [
      { term: env, text: `${doc.replaceAll('`', '')} [${defaultText || 'none'}]` },
      ...(secret ? [{ term: `${env}_FILE`, text: `a file that contains ${env} [none]` }] : []),
    ]),
  }))

const WIDTH = 80
/** Longer terms have their text below. */
const TERM_MAX = 26

/** Formats help for a terminal. */
export const helpText = (
  head: readonly string[],
  sections: readonly Section[],
  hasColours: boolean,
): string => {
  const title = (text: string) =>
    hasColours ? styleText('bold', text, { validateStream: false }) : text
  return [
    ...head.map((text) => Bun.wrapAnsi(text, WIDTH)),
    ...sections.map(({ title: words, entries }) =>
      [`${title(words)}:`, ...shown(entries)].join('\n'),
    ),
  ].join('\n\n')
}

const shown = (entries: readonly Entry[]): readonly string[] => {
  const isBeside = entries.every(({ term, text }) => text !== '' && term.length <= TERM_MAX)
  const [only] = entries
  if (entries.length === 1 && only?.text === '' && !only.term.startsWith(PROGRAM))
    return indented(only.term, '  ')
  if (!isBeside)
    return entries.flatMap(({ term, text }) => [
      ...indented(term, '  ', '          '),
      ...(text ? indented(text, '      ') : []),
    ])
  const width = Math.max(...entries.map(({ term }) => term.length))
  return entries.flatMap(({ term, text }) =>
    indented(text, `  ${term.padEnd(width)}  `, ' '.repeat(width + 4)),
  )
}

const indented = (text: string, first: string, others = first): readonly string[] =>
  text
    .split('\n')
    .flatMap((line) => Bun.wrapAnsi(line, WIDTH - others.length).split('\n'))
    .map((line, index) => (index === 0 ? first : others) + line.replaceAll(NO_BREAK, ' '))
