import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { path as absolutePath, databaseUrl, isPostgres, sqliteUrl } from './parsers.ts'
import { type PostgresAddress, shownAddress } from './postgres-address.ts'
import { SETTINGS, type Setting } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

type Settings = typeof SETTINGS

type Value<S> = S extends { readonly parse: (text: string) => infer Parsed }
  ? S extends { readonly defaultText: string }
    ? Parsed
    : Parsed | undefined
  : never

/** The validated settings. A setting that is not set and has no default is `undefined`; durations
 * are in milliseconds. */
export type Config = Omit<
  { readonly [Name in keyof Settings]: Value<Settings[Name]> },
  'databasePath'
> & {
  /** The database file. */
  readonly databasePath: string
  /** Where the data is instead of that file, if it is on a PostgreSQL server. */
  readonly postgres: PostgresAddress | undefined
  /** REGISTRATION is set, so an owner cannot change it while the service runs. */
  readonly registrationIsFixed: boolean
}

/** Returns where the data is, for people: the path of the database file, or the address of the home on a server
 * without its password. */
export const shownPlace = ({ postgres, databasePath }: Place): string =>
  postgres ? shownAddress(postgres) : databasePath

export type Place = Pick<Config, 'postgres' | 'databasePath'>

/** All errors in the settings, one per line, without any secret value. */
export class ConfigError extends Error {
  constructor(faults: readonly string[]) {
    super(['The settings cannot be used:', ...faults.map((fault) => `  ${fault}`)].join('\n'))
    this.name = 'ConfigError'
  }
}

/** Reads the settings from an environment. Throws one ConfigError that names every fault. */
export const parseConfig = (env: Environment): Config => {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(SETTINGS))
    try {
      const text = textOf(setting, env)
      values[name] = text === undefined ? undefined : setting.parse(text)
    } catch (error) {
      faults.push(`${setting.env} ${error instanceof Error ? error.message : String(error)}`)
    }
  const { databasePath: place, ...rest } = values
  const config = rest as Omit<Config, 'databasePath' | 'postgres' | 'registrationIsFixed'>
  if ((config.tlsCertFile === undefined) !== (config.tlsKeyFile === undefined))
    faults.push('TLS_CERT_FILE and TLS_KEY_FILE go together: set both, or neither')
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze({
    ...config,
    registrationIsFixed: given(env, SETTINGS.registration.env) !== undefined,
    databasePath: typeof place === 'string' ? place : join(config.dataDir, 'secure-lock.db'),
    postgres: typeof place === 'string' ? undefined : (place as PostgresAddress | undefined),
  })
}

/** True for the name of a setting, or `NAME_FILE` of a secret one. */
export const isSetting = (name: string): boolean =>
  isSecretFile(name) || allSettings.some(({ env }) => name === env)

/** True for `NAME_FILE` of a secret setting. */
export const isSecretFile = (name: string): boolean =>
  allSettings.some(({ env, secret }) => secret && name === fileOf(env))

/** Every setting as it was given, by its name; for a secret, only whether it is set. An empty text
 * means not set. */
export const givenSettings = (env: Environment) =>
  allSettings.map((setting) => {
    const text = textOf(setting, env) ?? ''
    const value = isSecret(setting, text) && text ? 'set' : text
    return { name: setting.env, value, defaultText: setting.defaultText ?? '' }
  })

/** The settings that were given, for another process, whatever its folder: paths are absolute, and
 * secrets are left out, though not the files that contain them. DATA_DIR is always among them. */
export const portableSettings = (env: Environment): Readonly<Record<string, string>> => {
  const settings: Record<string, string> = {}
  for (const setting of allSettings) {
    const text =
      given(env, setting.env) ?? (setting === SETTINGS.dataDir ? setting.defaultText : '')
    if (text && !isSecret(setting, text)) settings[setting.env] = portableText(setting, text)
  }
  for (const { name, path } of secretFiles(env)) settings[name] = path
  return settings
}

const isSecret = ({ secret }: Setting, text: string): boolean =>
  typeof secret === 'function' ? secret(text) : secret === true

const portableText = ({ parse }: Setting, text: string): string => {
  if (parse === absolutePath) return absolutePath(text)
  return parse === databaseUrl && !isPostgres(text) ? `sqlite:///${sqliteUrl(text)}` : text
}

/** Returns the settings of an environment, and for what it leaves open those of another. */
export const settingsOver = (env: Environment, others: Environment): Environment => {
  const own = Object.entries(env).filter(([name]) => given(env, name) !== undefined)
  const isOpen = (name: string) =>
    allSettings.every((setting) => fileOf(setting.env) !== name || !given(env, setting.env))
  return Object.fromEntries([...Object.entries(others).filter(([name]) => isOpen(name)), ...own])
}

/** The files that contain a secret, each with the setting that names it. */
export const secretFiles = (env: Environment) => {
  const secrets = allSettings.filter(({ secret }) => secret).map((setting) => fileOf(setting.env))
  return [SETTINGS.tlsKeyFile.env, ...secrets].flatMap((name) => {
    const path = given(env, name)
    return path === undefined ? [] : [{ name, path: resolve(path) }]
  })
}

const allSettings: readonly Setting[] = Object.values(SETTINGS)

const fileOf = (env: string): string => `${env}_FILE`

/** The value of a variable; one with only spaces counts as not set. */
const given = (env: Environment, name: string): string | undefined => env[name]?.trim() || undefined

/** The text of a setting, from the environment, a file or its default. */
const textOf = ({ env: name, defaultText, secret }: Setting, env: Environment) => {
  const value = given(env, name)
  const file = secret && given(env, fileOf(name))
  if (file === undefined) return value ?? defaultText
  if (value !== undefined) throw new Error(`and ${fileOf(name)} are both set: set only one of them`)
  return readSecret(file, name)
}

const readSecret = (path: string, name: string): string => {
  const content = contentOf(path, name)
  if (content === '') throw new Error(`is empty in the file that ${fileOf(name)} names`)
  return content
}

const contentOf = (path: string, name: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new Error(`cannot be read from the file that ${fileOf(name)} names`)
  }
}
