import { startService } from '../support/binary.ts'
import { QUIET, toFile } from './service.ts'
import { join } from 'node:path'

/** Starts the service in a folder that is filled, with its log in a file there. */
export const startScale = (folder: string, env: Readonly<Record<string, string>> = {}) =>
  startService({ folder, env: { ...QUIET, ...env }, within: toFile(join(folder, 'log')) })
