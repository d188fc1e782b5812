import { type App, openApp } from '../app.ts'
import type { Config } from '../config.ts'
import { logger } from '../http/log.ts'
import { requireDatabase } from './command.ts'

/** Works on the accounts, also while the service runs, and gives exit status 0. */
export const withApp = async (
  config: Config,
  work: (app: App) => Promise<void>,
): Promise<number> => {
  const app = await openApp(config, { log: logger({ level: 'error', format: 'text' }) })
  try {
    await work(app)
    return 0
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
