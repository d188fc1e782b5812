import { startService } from '../support/binary.ts'
import { QUIET, toFile } from './service.ts'
import { join } from 'node:path'

/** Starts the service in a filled folder, with the log of the process in a file there. */
export const startScale = (folder: string, env: Readonly<Record<string, string>> = {}) =>
  startService({ folder, env: { ...QUIET, ...env }, within: toFile(join(folder, 'log')) })
