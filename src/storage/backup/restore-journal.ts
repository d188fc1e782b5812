import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import { KEY_FILES, timeText } from '../files/data-dir.ts'
import { type LockMode, lockDataDir } from '../files/data-dir-lock.ts'
import { fileFault, syncPath } from '../files/private-files.ts'

/** What a restore is about to do, written before the first file moves: whoever opens the folder after
 * a kill finishes it. Paths are relative to DATA_DIR, which may have been moved meanwhile. */
const Journal = t.Object({
  /** The folder, beside each file, in which what was there before is kept. */
  aside: t.String({ pattern: '^before-restore-[0-9TZ]+$' }),
  files: t.Array(t.Object({ path: t.String(), isRestored: t.Boolean() })),
})

const JOURNAL_FILE = 'restore.json'
const STAGE_FOLDER = '.restoring'

/** Where a file is kept until a restore is decided: on the disk that it goes to. */
const stagedPath = (path: string): string => join(dirname(path), STAGE_FOLDER, basename(path))

type Places = { readonly dataDir: string; readonly databasePath: string }

/** Where a restore gathers what goes to these places. */
export const stageOf = ({ dataDir, databasePath }: Places): Places => ({
  dataDir: join(dataDir, STAGE_FOLDER),
  databasePath: stagedPath(databasePath),
})

const stageFolders = ({ dataDir, databasePath }: Places): readonly string[] => [
  ...new Set([dataDir, dirname(databasePath)].map((folder) => join(folder, STAGE_FOLDER))),
]

/** Makes the empty folders in which a restore gathers its files; what an earlier one left is gone. */
export const makeStage = (places: Places): void => {
  for (const folder of stageFolders(places)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
}

/** Removes what was gathered, unless a restore is decided and still to be finished with it. */
export const removeStage = (places: Places): void => {
  if (hasUnfinishedRestore(places.dataDir)) return
  for (const folder of stageFolders(places)) rmSync(folder, { recursive: true, force: true })
}

/** Puts the staged files in the place of those that are there, which are kept: from the moment that
 * the journal is on disk all of it happens, whatever ends this process. Gives where the old ones are. */
export const commitRestore = (places: Places, atMs: number): readonly string[] => {
  const { dataDir, databasePath } = places
  const aside = newAside(places, atMs)
  const keys = Object.values(KEY_FILES).map((name) => join(dataDir, name))
  const all = [databasePath, `${databasePath}-wal`, `${databasePath}-shm`, ...keys]
  const files = all.map((path) => ({
    path: relative(dataDir, path),
    isRestored: existsSync(stagedPath(path)),
  }))
  for (const path of all) if (existsSync(stagedPath(path))) syncPath(stagedPath(path))
  for (const folder of stageFolders(places)) syncPath(folder)
  const draft = join(dataDir, `${JOURNAL_FILE}.part`)
  writeFileSync(draft, JSON.stringify({ aside, files }), { mode: 0o600 })
  syncPath(draft)
  renameSync(draft, join(dataDir, JOURNAL_FILE))
  syncPath(dataDir)
  finish(dataDir)
  const folders = new Set([dataDir, dirname(databasePath)].map((folder) => join(folder, aside)))
  return [...folders].filter((folder) => existsSync(folder))
}

/** A name that no earlier restore has taken. */
const newAside = ({ dataDir, databasePath }: Places, atMs: number): string => {
  const name = `before-restore-${timeText(atMs)}`
  const isTaken = [dataDir, dirname(databasePath)].some((folder) => existsSync(join(folder, name)))
  return isTaken ? newAside({ dataDir, databasePath }, atMs + 1000) : name
}

/** Whether a restore was interrupted there, so that what is missing may be back in a moment. */
export const hasUnfinishedRestore = (dataDir: string): boolean =>
  existsSync(join(dataDir, JOURNAL_FILE))

/** Holds a data folder (see `lockFolder`), in which a restore that a kill or a power cut interrupted
 * is finished first. Throws `unavailable` where other uses of it forbid that. */
export const enterFolder = (dataDir: string, use: LockMode): (() => void) => {
  const release = lockDataDir(dataDir, use)
  if (!hasUnfinishedRestore(dataDir)) return release
  if (use === 'restore') {
    finish(dataDir)
    return release
  }
  release()
  enterFolder(dataDir, 'restore')()
  return enterFolder(dataDir, use)
}

const finish = (dataDir: string): void => {
  const journal = join(dataDir, JOURNAL_FILE)
  try {
    const plan: unknown = JSON.parse(readFileSync(journal, 'utf8'))
    if (!Value.Check(Journal, plan)) throw new Error('it is damaged')
    const folders = new Set<string>()
    for (const file of plan.files) {
      const path = join(dataDir, file.path)
      moveAside(path, { ...file, aside: join(dirname(path), plan.aside) })
      if (file.isRestored) moveIn(path)
      folders.add(dirname(path)).add(join(dirname(path), plan.aside))
    }
    for (const folder of folders) if (existsSync(folder)) syncPath(folder)
    rmSync(journal)
    syncPath(dataDir)
    for (const folder of folders)
      rmSync(join(folder, STAGE_FOLDER), { recursive: true, force: true })
  } catch (error) {
    throw new AppError(
      'unavailable',
      `Cannot finish the restore that ${journal} describes: ${fileFault(error)}`,
      { cause: error },
    )
  }
}

type Move = { readonly isRestored: boolean; readonly aside: string }

/** Done before, it finds either nothing to move, or the restored file, whose turn it then was. */
const moveAside = (path: string, { isRestored, aside }: Move): void => {
  const isDone = isRestored && !existsSync(stagedPath(path))
  if (isDone || !existsSync(path)) return
  mkdirSync(aside, { recursive: true, mode: 0o700 })
  renameSync(path, join(aside, basename(path)))
}

const moveIn = (path: string): void => {
  if (existsSync(stagedPath(path))) renameSync(stagedPath(path), path)
  else if (!existsSync(path)) throw new Error(`${path} is missing`)
}
