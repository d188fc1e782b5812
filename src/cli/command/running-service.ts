import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { version } from '../../../package.json'
import {
  type Config,
  isSecretFile,
  parseConfig,
  portableSettings,
  settingsOver,
  shownPlace,
} from '../../config/config.ts'
import { SETTINGS } from '../../config/settings.ts'
import { AppError } from '../../errors.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { ownUrls } from '../../http/connection/public-url.ts'
import { SERVICE_LOCK_FILE, isServed } from '../../storage/data-dir-lock.ts'
import { replacePrivateFile } from '../../storage/files/private-files.ts'
import type { Terminal } from './command.ts'

/** What a service writes into its data folder while it runs, for the commands beside it. */
const Description = t.Object({
  version: t.String(),
  pid: t.Integer(),
  listening: t.Array(t.String()),
  /** As `portableSettings` returns them, always with HOST and PORT. */
  settings: t.Record(t.String(), t.String()),
  /** Where its data is, if that is on a server: the address, without its password. */
  server: t.Optional(t.String()),
})

const FILE = 'service.json'

/** Describes this service in its data folder, until the returned function is called. Throws
 * `unavailable`. */
export const describeService = (config: Config, env: Terminal['env']): (() => void) => {
  const { dataDir, host, port } = config
  const file = join(dataDir, FILE)
  const description = {
    version,
    pid: process.pid,
    listening: [...ownUrls(config)],
    settings: { HOST: host, PORT: String(port), ...portableSettings(env) },
    ...(config.postgres ? { server: shownPlace(config) } : {}),
  }
  replacePrivateFile(file, `${JSON.stringify(description, null, 2)}\n`)
  return () => {
    // What stays there is ignored once the folder is no longer locked.
    orElse(() => rmSync(file, { force: true }), undefined)
  }
}

/** How often the service checks whether a command has changed something. */
const LOOK_MS = 2 * SECOND_MS

/** Calls `work` after each `tellService`, until the returned function is called. */
export const onCommandChange = ({ dataDir }: Config, work: () => void): (() => void) => {
  const changedMs = () => orElse(() => statSync(join(dataDir, FILE)).mtimeMs, 0)
  let seenMs = changedMs()
  const timer = setInterval(() => {
    const nowMs = changedMs()
    if (nowMs !== seenMs) work()
    seenMs = nowMs
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Tells the service on this data folder, if one is running, that a command has changed something; it reacts within
 * seconds. */
export const tellService = ({ dataDir }: Config): void => {
  const now = new Date()
  orElse(() => utimesSync(join(dataDir, FILE), now, now), undefined)
}

/** A service that runs on this machine. Its settings are unknown if it is older than this version. */
export type RunningService = {
  readonly dataDir: string
  readonly settings: Readonly<Record<string, string>> | undefined
  readonly server?: string | undefined
}

/** Returns the service that uses a data folder, or undefined if none does, or if this user cannot see
 * that. What a killed service left there is ignored. */
export const serviceOf = (dataDir: string): RunningService | undefined => {
  if (isServed(dataDir) !== true) return undefined
  try {
    const found: unknown = JSON.parse(readSmallFile(join(dataDir, FILE)))
    if (!Value.Check(Description, found)) return { dataDir, settings: undefined }
    return { dataDir, settings: usable(found.settings), server: found.server }
  } catch {
    return { dataDir, settings: undefined }
  }
}

/** Leaves out files of secrets that this user cannot read, such as credentials of systemd. */
const usable = (settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(settings).filter(
      ([name, text]) => !isSecretFile(name) || orElse(() => readSmallFile(text).length > 0, false),
    ),
  )

const SMALL_BYTES = 64 * 1024

/** Returns the text of a regular file. Throws for anything else: another user of this machine may offer a
 * pipe on which a command would wait forever, or a device or file without an end. */
const readSmallFile = (path: string): string => {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const facts = fstatSync(file)
    if (!facts.isFile() || facts.size > SMALL_BYTES) throw new Error('not a small regular file')
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** Where a service listens. Its own settings take precedence over the command's. */
const LISTENING = [SETTINGS.host, SETTINGS.port, SETTINGS.tlsCertFile, SETTINGS.tlsKeyFile]

/** Returns the settings of a command. What it does not set itself, and where the service listens, it
 * takes from the service that runs on its data folder. Throws ConfigError, and `unavailable` if it lacks the address of
 * the server that the service has its data on, which contains a password. */
export const commandConfig = ({ env }: Pick<Terminal, 'env'>): Config => {
  const own = parseConfig(env)
  const running = serviceOf(own.dataDir)
  const listening = LISTENING.map((setting) => [setting.env, running?.settings?.[setting.env]])
  if (!running?.settings) return own
  const config = parseConfig({
    ...settingsOver(env, running.settings),
    ...Object.fromEntries(listening),
  })
  const fault = missingAddress(config, running)
  if (fault) throw new AppError('unavailable', `${fault.says}: ${fault.fix}`)
  return config
}

/** Returns what to say if the service has its data on a server and these settings name none. */
export const missingAddress = (
  { postgres }: Config,
  running: RunningService | undefined,
): { readonly says: string; readonly fix: string } | undefined =>
  running?.server === undefined || postgres
    ? undefined
    : {
        says: `The service that runs here has its data at ${running.server}`,
        fix: 'set DATABASE_URI, or name the file with its settings: --env-file FILE',
      }

/** Returns the services on this machine that use another data folder, as far as this user can see them:
 * those that keep the lock of their folder open. */
export const servicesElsewhere = (dataDir: string): readonly RunningService[] => {
  const folders = entriesOf('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => entriesOf(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`))
    .filter((link) => basename(targetOf(link)) === SERVICE_LOCK_FILE && isReachable(link))
    .map((link) => dirname(targetOf(link)))
  return [...new Set(folders)]
    .filter((folder) => folder !== dataDir)
    .flatMap((folder) => serviceOf(folder) ?? [])
}

/** False in a container, where the same path leads to another file. */
const isReachable = (link: string): boolean =>
  orElse(() => {
    const [open, here] = [statSync(link), statSync(targetOf(link))]
    return open.dev === here.dev && open.ino === here.ino
  }, false)

/** Processes and their files may be gone by now, or belong to another user. */
const orElse = <Read>(read: () => Read, otherwise: Read): Read => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const entriesOf = (folder: string): readonly string[] => orElse(() => readdirSync(folder), [])
const targetOf = (link: string): string => orElse(() => readlinkSync(link), '')
