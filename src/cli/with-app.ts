import { type App, openApp } from '../app.ts'
import type { Config } from '../config/config.ts'
import { processLogger } from '../http/log/logger.ts'
import { requireDatabase } from './command.ts'

/** Works on the accounts, also while the service runs, and gives the exit status: 0 unless the work
 * gives another. */
export const withApp = async (
  config: Config,
  work: (app: App) => Promise<number | void>,
): Promise<number> => {
  const app = await openApp(config, { logger: processLogger({ level: 'error', format: 'text' }) })
  try {
    return (await work(app)) ?? 0
  } finally {
    await app.close()
  }
}

/** The same where a new database would only hide that the folder is the wrong one. */
export const withExistingData = (
  config: Config,
  work: (app: App) => Promise<void>,
): Promise<number> => {
  requireDatabase(config)
  return withApp(config, work)
}
