import { openApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { until } from './until.ts'

// Opens the service with the settings of the environment, connects to the broker if there is one, and prints which
// modules are loaded.
const logger = processLogger({ level: 'error', format: 'json' })
await using app = await openApp(
  { ...parseConfig(process.env), databasePath: ':memory:' },
  { logger, use: 'service' },
)
await app.mqtt?.begin()
await until(() => app.mqtt === undefined || app.mqtt.link.isConnected())
process.stdout.write(`${Object.keys(require.cache).join('\n')}\n`)
