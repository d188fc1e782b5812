import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { isSetting } from '../../config/config.ts'
import { SETTINGS } from '../../config/settings.ts'
import { AppError } from '../../errors.ts'
import { fileFault } from '../../storage/files/private-files.ts'
import { didYouMean } from './command.ts'

const NAMES = Object.values(SETTINGS).map(({ env }) => env)

/** Reads the file that `--env-file` names, and reports lines and names that have no effect. Throws
 * `unavailable`. */
export const readSettingsFile = (
  path: string,
  say: (line: string) => void,
): Readonly<Record<string, string | undefined>> => {
  const { text, strayLines } = assignments(fileText(path))
  for (const line of strayLines) say(`${path}: line ${line} is not NAME=value and is ignored`)
  const settings = parseEnv(text)
  for (const name of Object.keys(settings))
    if (!isSetting(name))
      say(`${path}: ${name} is not a setting and is ignored${didYouMean(name, NAMES)}`)
  return settings
}

const fileText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = fileFault(error)
    throw new AppError('unavailable', `Cannot read the settings in ${path}: ${reason}`, {
      cause: error,
    })
  }
}

const ASSIGNMENT = /^\s*(?:export\s+)?[\w.-]+\s*=\s*(?<quote>["'`]?)(?<rest>.*)$/

/** Removes lines that are neither an assignment nor a comment: `parseEnv` would join the next line
 * to them and lose that setting too. */
const assignments = (text: string) => {
  const strayLines: number[] = []
  const lines = text.split(/\r?\n/)
  let quote = ''
  const kept = lines.filter((line, index) => {
    if (quote !== '') {
      if (line.includes(quote)) quote = ''
      return true
    }
    if (/^\s*(?:#|$)/.test(line)) return true
    const { groups } = ASSIGNMENT.exec(line) ?? {}
    if (!groups) return void strayLines.push(index + 1)
    const { quote: mark = '', rest = '' } = groups
    const isOpen = mark !== '' && !rest.includes(mark)
    // A quotation mark that is never closed is part of the value.
    if (isOpen && lines.slice(index + 1).some((next) => next.includes(mark))) quote = mark
    return true
  })
  return { text: kept.join('\n'), strayLines }
}
