import { existsSync } from 'node:fs'
import { AppError } from '../../errors.ts'
import type { CreateBackup } from '../../ops/backups/backups.ts'
import type { CreatedBackup } from './create-backup.ts'
import type { Terminal } from '../command/command.ts'

/** Creates backups in a process of its own, because bun:sqlite blocks the event loop while it
 * copies (https://github.com/oven-sh/bun/issues/978). It runs this same executable, even if another
 * version has replaced it on disk in the meantime. */
export const backupProcess =
  (env: Terminal['env']): CreateBackup =>
  async (path, signal) => {
    const child = Bun.spawn([executable(), 'backup', '--by-service', path], {
      env,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      signal,
    })
    const [out, words, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    if (status === 0) return JSON.parse(out) as CreatedBackup
    if (status === FAILED) throw new AppError('unavailable', words.trim())
    throw new Error(`The backup process ended with status ${status}: ${words}`)
  }

/** The status of a command that explains its failure on standard error. */
const FAILED = 1

const RUNNING_EXECUTABLE = '/proc/self/exe'

const executable = (): string =>
  existsSync(RUNNING_EXECUTABLE) ? RUNNING_EXECUTABLE : process.execPath
