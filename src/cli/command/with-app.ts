import { existsSync } from 'node:fs'
import { SETTINGS } from '../../config/settings.ts'
import { type App, openApp } from '../../app.ts'
import { type Config, shownPlace } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { processLogger } from '../../http/log/logger.ts'
import { hasUnfinishedRestore } from '../../storage/backup/restore-journal.ts'
import type { Terminal } from './command.ts'
import { servicesElsewhere } from './running-service.ts'

type Opening = Pick<Parameters<typeof openApp>[1], 'mustExist' | 'onKeysAccepted'>

/** Opens the app for a piece of work, also while the service runs. Returns the exit status: 0 unless
 * the work returns another. */
export const withApp = async (
  config: Config,
  work: (app: App) => Promise<number | void>,
  { mustExist = false, onKeysAccepted }: Opening = {},
): Promise<number> => {
  // On standard error, because the result of the command may go to a file.
  const write = (line: string) => void process.stderr.write(line)
  const logger = processLogger({ level: 'error', format: 'text', write })
  const onUpgrade = (done: string) => write(`Upgrading the database: ${done}\n`)
  const app = await openApp(config, { logger, onUpgrade, mustExist, onKeysAccepted })
  try {
    return (await work(app)) ?? 0
  } finally {
    await app[Symbol.asyncDispose]()
  }
}

/** The same, but throws `unavailable` if there is no database yet. */
export const withExistingData = (
  config: Config,
  work: (app: App) => Promise<number | void>,
): Promise<number> => {
  requireDatabase(config)
  return withApp(config, work, { mustExist: true })
}

/** The same for commands about locks: a home that has had none gets its first ones. */
export const withLocks = (
  config: Config,
  work: (app: App) => Promise<number | void>,
): Promise<number> =>
  withExistingData(config, async (app) => {
    await app.locks.begin()
    return work(app)
  })

/** For commands that work on existing data: in the wrong folder they must not create a database. On a server, only
 * opening it shows whether there is one. Throws `unavailable`. */
export const requireDatabase = (config: Config): void => {
  if (hasDatabase(config)) return
  const folders = servicesElsewhere(config.dataDir).map(({ dataDir }) => `DATA_DIR=${dataDir}`)
  const advice =
    folders.length === 0
      ? 'check DATA_DIR, or start the service first'
      : `set ${folders.join(' or ')}, where a service runs`
  throw new AppError('unavailable', `There is no database at ${shownPlace(config)}; ${advice}`)
}

const hasDatabase = ({ dataDir, databasePath, postgres }: Config): boolean =>
  postgres !== undefined || existsSync(databasePath) || hasUnfinishedRestore(dataDir)

/** For commands that may create a data folder. Asks whether to do so beside a service that uses another
 * folder: without DATA_DIR beside any, otherwise only beside the one whose PORT is set. Throws `conflict`
 * if it is not wanted, or there is nobody to ask. */
export const confirmNewFolder = async (
  config: Config,
  { env, isInteractive, say, readLine }: Terminal,
): Promise<void> => {
  if (hasDatabase(config)) return
  const { dataDir } = config
  const isDefault = !env[SETTINGS.dataDir.env]?.trim()
  const port = env[SETTINGS.port.env]?.trim()
  const used = servicesElsewhere(dataDir).find(
    ({ settings }) => isDefault || (port && settings?.[SETTINGS.port.env] === port),
  )
  if (!used) return
  const found = `A service on this machine has its data in ${used.dataDir}, and this command would create another data folder, ${dataDir}.`
  const advice = `Set DATA_DIR=${used.dataDir} to use the data of the service`
  if (!isInteractive)
    throw new AppError(
      'conflict',
      `${found} ${advice}, or ${isDefault ? `DATA_DIR=${dataDir}` : 'another PORT'} for another service`,
    )
  say(found)
  const answer = await readLine('Create it? (y/n): ')
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new AppError('conflict', `Nothing was created. ${advice}`)
}
