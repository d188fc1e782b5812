import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parseConfig } from '../config/config.ts'
import { AppError } from '../errors.ts'
import { metricsTokenPath } from '../ops/metrics/token.ts'
import { secretFile } from '../storage/files/private-files.ts'
import type { Command } from './command/command.ts'

/** Prints the token with which Prometheus reads `/metrics`. */
export const metricsToken: Command = {
  summary: 'print the token with which Prometheus reads /metrics',
  details:
    'The token opens nothing else, and is in the file metrics-token in DATA_DIR. To replace it, remove that file and restart the service.',
  examples: {
    'Store it for Prometheus':
      'secure-lock-server metrics-token | install -m 640 -g prometheus /dev/stdin /etc/prometheus/secure-lock-token',
  },
  run: async (args, { env, print }) => {
    parseArgs({ args: [...args], options: {} })
    const path = metricsTokenPath(parseConfig(env).dataDir)
    if (!existsSync(path))
      throw new AppError(
        'unavailable',
        `There is no metrics token at ${path}; check DATA_DIR, or restart the service, which creates it`,
      )
    print(secretFile(path))
    return 0
  },
}
