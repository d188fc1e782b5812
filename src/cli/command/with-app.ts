import { existsSync } from 'node:fs'
import { type App, openApp } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { processLogger } from '../../http/log/logger.ts'
import { hasUnfinishedRestore } from '../../storage/backup/restore-journal.ts'

/** Opens the app for a piece of work, also while the service runs. Returns the exit status: 0 unless
 * the work returns another. */
export const withApp = async (
  config: Config,
  work: (app: App) => Promise<number | void>,
): Promise<number> => {
  // On standard error, because the result of the command may go to a file.
  const write = (line: string) => void process.stderr.write(line)
  const logger = processLogger({ level: 'error', format: 'text', write })
  const app = await openApp(config, { logger })
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
  return withApp(config, work)
}

/** For commands that work on existing data: in the wrong folder they must not create a database.
 * Throws `unavailable`. */
export const requireDatabase = ({ dataDir, databasePath }: Config): void => {
  if (!existsSync(databasePath) && !hasUnfinishedRestore(dataDir))
    throw new AppError(
      'unavailable',
      `There is no database at ${databasePath}; check DATA_DIR, or start the service first`,
    )
}
