import { AppError } from '../../errors.ts'
import { type Options, type Terminal, UsageError } from './command.ts'

/** Options of something whose settings and secrets depend on its kind. */
export const CONTENTS = {
  set: {
    type: 'string',
    multiple: true,
    value: 'NAME=VALUE',
    summary: 'a setting, by its kind; may be given several times',
  },
  secret: {
    type: 'string',
    multiple: true,
    value: 'NAME',
    summary:
      'a secret to ask for, or to read from a line of standard input; may be given several times',
  },
} as const satisfies Options

/** Parses settings given as `NAME=VALUE`; an empty value removes one. */
export const settingsFrom = (
  given: readonly string[] = [],
): Readonly<Record<string, string | number | undefined>> =>
  Object.fromEntries(
    given.map((word) => {
      const [, name, value = ''] = /^([a-z_]+)=(.*)$/s.exec(word) ?? []
      if (name === undefined)
        throw new UsageError(`--set must look like NAME=VALUE, such as url=https://ntfy.home`)
      return [name, value === '' ? undefined : numberOr(value)]
    }),
  )

/** Returns settings without removed ones. */
export const defined = (
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))

/** Converts text that looks exactly like a printed number. */
const numberOr = (text: string): string | number => {
  const number = Number(text)
  return String(number) === text && Number.isFinite(number) ? number : text
}

/** Asks for secrets by name. They are never arguments, which other users of this machine can see. */
export const secretsFrom = async (
  names: readonly string[] = [],
  { readSecret }: Pick<Terminal, 'readSecret'>,
): Promise<Readonly<Record<string, string>>> => {
  const secrets: Record<string, string> = {}
  for (const name of names) {
    if (name.includes('='))
      throw new UsageError('--secret takes a name alone, and asks for the secret')
    const secret = await readSecret(`${name}: `)
    if (secret === '') throw new AppError('invalid', `No ${name} was given; nothing was changed`)
    secrets[name] = secret
  }
  return secrets
}
