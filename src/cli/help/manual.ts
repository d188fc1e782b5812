import { parseArgs } from 'node:util'
import { version } from '../../../package.json'
import type { Command } from '../command/command.ts'
import {
  type Commands,
  PROGRAM,
  SETTINGS_INTRO,
  type Section,
  commandPage,
  overview,
  settingsPage,
} from './help.ts'
import { topics } from './topic.ts'

/** Prints all the help as a page for man(1). */
export const manual = (commands: () => Promise<Commands>): Command => ({
  summary: 'print all this help as a manual page',
  examples: {
    'install it': `${PROGRAM} man > /usr/local/share/man/man8/${PROGRAM}.8`,
  },
  run: async (args, { print }) => {
    parseArgs({ args: [...args], options: {} })
    print(manualText(await commands(), await topics()))
    return 0
  },
})

const manualText = (commands: Commands, names: readonly string[]): string =>
  [
    `.TH ${PROGRAM.toUpperCase()} 8 "" "Secure Lock Server ${version}"`,
    '.SH NAME',
    `${escaped(PROGRAM)} \\- accounts for a front door, and a log of who unlocked it`,
    ...overview(commands, names).flatMap((section) => [
      '.SH ' + heading(section.title),
      ...entries(section),
    ]),
    ...Object.entries(commands).flatMap(([name, command]) => [
      '.SH ' + heading(name),
      ...paragraphs([command.summary, command.details ?? ''].filter(Boolean)),
      ...commandPage(name, command).flatMap((section) => [
        '.SS ' + heading(section.title),
        ...entries(section),
      ]),
    ]),
    '.SH SETTINGS',
    ...paragraphs([SETTINGS_INTRO]),
    ...settingsPage().flatMap((section) => ['.SS ' + heading(section.title), ...entries(section)]),
  ].join('\n')

const heading = (title: string): string => `"${escaped(title).replaceAll('"', '\\(dq')}"`

const entries = ({ entries: listed }: Section): readonly string[] => {
  if (listed.every(({ text }) => text === '')) return paragraphs(listed.map(({ term }) => term))
  return listed.flatMap(({ term, text }) => ['.TP', `\\fB${escaped(term)}\\fR`, escaped(text)])
}

const paragraphs = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text, index) => [...(index === 0 ? [] : ['.PP']), escaped(text)])

/** Escapes text for roff, so that no line is read as a request. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\u00a0', String.raw`\ `)
    .replaceAll(/^[.']/gm, String.raw`\&$&`)
