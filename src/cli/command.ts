import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { hasUnfinishedRestore } from '../storage/restore-journal.ts'

/** All of the process that a command may touch, so that a test can stand in for it. */
export type Terminal = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Writes a line to standard output: what was asked for. */
  readonly print: (line: string) => void
  /** Writes a line to standard error: words for people. */
  readonly say: (line: string) => void
  /** Shows on a terminal, and nowhere else, a line that the next one replaces; an empty one ends it. */
  readonly showProgress: (line: string) => void
  /** Reads one line that is not shown: hidden where a person types, else from standard input. */
  readonly readSecret: (prompt: string) => Promise<string>
  /** Asks for one line that is shown as it is typed. */
  readonly readLine: (prompt: string) => Promise<string>
  /** True where a person types at a terminal. */
  readonly isInteractive: boolean
  /** True where what `say` writes is shown on a terminal. */
  readonly isShown: boolean
  /** Resolves when the process is asked to stop, which from now on does not end it by itself. */
  readonly stopRequested: () => Promise<void>
}

export type Command = {
  readonly usage: string
  readonly summary: string
  /** More lines for `--help`. */
  readonly details?: string
  /** Gives the exit status. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>
}

/** Words on the command line that make no sense; exit status 2. */
export class UsageError extends Error {}

/** For commands that work on what there is: in a wrong folder they must not make another. Throws
 * `unavailable`. */
export const requireDatabase = ({ dataDir, databaseUri }: Config): void => {
  if (!existsSync(databaseUri) && !hasUnfinishedRestore(dataDir))
    throw new AppError(
      'unavailable',
      `There is no database at ${databaseUri}; check DATA_DIR, or start the service first`,
    )
}

/** The address at which this machine reaches its own service. */
export const ownUrl = ({ host, port, tlsCertFile }: Config, path: string): string => {
  const reachable = OWN_HOSTS[host] ?? host
  const name = reachable.includes(':') ? `[${reachable}]` : reachable
  return `${tlsCertFile ? 'https' : 'http'}://${name}:${port}${path}`
}

const OWN_HOSTS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
