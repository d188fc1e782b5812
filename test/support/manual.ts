import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dir, '../..')
const MANUAL = join(ROOT, 'src/manual')

export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The pages of the manual, as paths from the root of the repository. */
export const PAGES: readonly string[] = [...new Bun.Glob('*.md').scanSync(MANUAL)]
  .toSorted()
  .map((name) => `src/manual/${name}`)

/** Everything that tells a reader what to type. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'SECURITY.md',
  'src/README.md',
  'test/README.md',
  ...PAGES,
]

/** The text between a heading of the second level and the next one. */
export const section = (path: string, title: string): string =>
  textOf(path)
    .split(/^(?=## )/m)
    .find((part) => part.startsWith(`## ${title}\n`)) ?? ''

export type Step = {
  readonly command: string
  /** The `text` block that follows, if one does. */
  readonly answer: string | undefined
  /** The paragraph before it. */
  readonly before: string
}

/** The `sh` blocks of a text, in order. */
export const stepsOf = (text: string): readonly Step[] => {
  const step = /^( *)```sh\n([^]*?)\n\1```$(?:\n\n\1```text\n([^]*?)\n\1```$)?/gm
  return [...text.matchAll(step)].map(({ 1: indent = '', 2: command = '', 3: answer, index }) => ({
    command: dedented(command, indent),
    answer: answer === undefined ? undefined : dedented(answer, indent),
    before: text.slice(0, index).trimEnd().split('\n\n').at(-1) ?? '',
  }))
}

const dedented = (text: string, indent: string): string =>
  text
    .split('\n')
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    .join('\n')

/** The answer as printed; `…` matches any text within a JSON string. */
export const patternOf = (answer: string): RegExp => {
  const parts = answer
    .split('…')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^"\\n]+')}$`)
}

/** As a person types it on the day of the examples: slower than a start, answering the question of a
 * restore, and going on after an import that reports a row (exit status 1). */
export const typedByAPerson = ({ command }: Step): string =>
  command
    .replace(/^nohup .*$/m, '$&\nuntil curl -sf http://localhost:8080/readyz; do sleep 0.1; done')
    .replace(/ restore (?=\/)/, ' restore --yes ')
    .replaceAll('$(date +%F)', '2026-11-25')
    .replace(/ import .*$/m, '$& || test $? -eq 1')

const MARK = '=== end of a step ==='

/** A shell script that runs the commands one after another in one shell, each with the same input. */
export const scriptOf = (commands: readonly string[], input: string): string =>
  [
    'set -e',
    `printf '%s' ${quoted(input)} > .input`,
    ...commands.flatMap((command, index) => [
      `cat > .step-${index} <<'END OF STEP'\n${command}\nEND OF STEP`,
      `. ./.step-${index} < .input`,
      `echo '${MARK}'`,
    ]),
  ].join('\n')

/** What each command of such a script has written. */
export const answersOf = (written: string): readonly string[] =>
  written.split(`${MARK}\n`).map((answer) => answer.trim())

export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
