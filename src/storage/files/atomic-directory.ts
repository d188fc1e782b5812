import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError } from '../../errors.ts'
import { fileFault, syncPath } from './private-files.ts'

/** A folder under a temporary name, which appears under its own name complete or not at all. */
export type AtomicDirectory = {
  /** Where the files are until the draft is committed. */
  readonly path: string
  /** Creates a file, mode 0600, from the pieces in order. Resolves once it is on disk. */
  readonly write: (name: string, pieces: Iterable<string> | AsyncIterable<string>) => Promise<void>
  /** Moves the folder to its final path. Throws `unavailable` if that has been taken meanwhile. */
  readonly commit: () => void
  /** Removes the folder if it is not committed. */
  readonly discard: () => void
}

/** Starts a new folder, mode 0700, beside its final place. Throws `unavailable` if something other than
 * an empty folder is already there. */
export const atomicDirectory = (target: string): AtomicDirectory => {
  const final = resolve(target)
  const path = join(dirname(final), `.${basename(final)}.${crypto.randomUUID()}.part`)
  asUnavailable(final, () => {
    if (existsSync(final) && readdirSync(final).length > 0)
      throw new Error('it is not empty; name a new folder')
    mkdirSync(dirname(final), { recursive: true, mode: 0o700 })
    mkdirSync(path, { mode: 0o700 })
  })
  return {
    path,
    write: async (name, pieces) => {
      const file = openSync(join(path, name), 'wx', 0o600)
      try {
        for await (const piece of pieces) asUnavailable(final, () => writeWhole(file, piece))
        asUnavailable(final, () => fsyncSync(file))
      } finally {
        closeSync(file)
      }
    },
    commit: () =>
      asUnavailable(final, () => {
        syncPath(path)
        renameSync(path, final)
        syncPath(dirname(final))
      }),
    discard: () => rmSync(path, { recursive: true, force: true }),
  }
}

const writeWhole = (file: number, text: string): void => {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}

const asUnavailable = <Result>(path: string, work: () => Result): Result => {
  try {
    return work()
  } catch (error) {
    throw new AppError('unavailable', `Cannot write the folder ${path}: ${fault(error)}`, {
      cause: error,
    })
  }
}

const fault = (error: unknown): string =>
  error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY'
    ? 'it is not empty; name a new folder'
    : fileFault(error)
