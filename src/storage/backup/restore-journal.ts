import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import { KEY_FILES, RESTORE_FILES, SIGNED_HEAD_FILE, timeText } from '../files/data-dir.ts'
import { type LockMode, lockDataDir } from '../data-dir-lock.ts'
import { fileFault, syncPath } from '../files/private-files.ts'

/** What a restore is about to do, written before the first file moves: the next process to open the
 * folder after a kill finishes it. Paths are relative to DATA_DIR, which may have been moved meanwhile. */
const Journal = t.Object({
  /** The folder beside each file in which the previous file is kept. */
  aside: t.String({ pattern: '^before-restore-[0-9TZ]+$' }),
  files: t.Array(t.Object({ path: t.String(), isRestored: t.Boolean() })),
  /** Files whose previous version is not kept, because it must never come back. */
  replaced: t.Optional(t.Array(t.String())),
})

const { stage: STAGE_FOLDER, journal: JOURNAL_FILE } = RESTORE_FILES

/** Where a file waits until the restore is committed: on the disk where it belongs. */
const stagedPath = (path: string): string => join(dirname(path), STAGE_FOLDER, basename(path))

type Places = { readonly dataDir: string; readonly databasePath: string }

/** Where a restore collects the files for these places. */
export const stageOf = ({ dataDir, databasePath }: Places): Places => ({
  dataDir: join(dataDir, STAGE_FOLDER),
  databasePath: stagedPath(databasePath),
})

const stageFolders = ({ dataDir, databasePath }: Places): readonly string[] => [
  ...new Set([dataDir, dirname(databasePath)].map((folder) => join(folder, STAGE_FOLDER))),
]

/** Creates the empty folders in which a restore collects its files, and removes what an earlier one
 * left. */
export const makeStage = (places: Places): void => {
  for (const folder of stageFolders(places)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
}

/** Removes the collected files, unless a committed restore is still to be finished with them. */
export const removeStage = (places: Places): void => {
  if (hasUnfinishedRestore(places.dataDir)) return
  for (const folder of stageFolders(places)) rmSync(folder, { recursive: true, force: true })
}

/** Replaces the current files with the staged ones and keeps the current ones. From the moment the
 * journal is on disk, all of it will happen, even if this process is killed. Returns the folders with
 * the previous files. */
export const commitRestore = (places: Places, atMs: number): readonly string[] => {
  const { dataDir, databasePath } = places
  const aside = newAside(places, atMs)
  const keys = Object.values(KEY_FILES).map((name) => join(dataDir, name))
  const all = [databasePath, `${databasePath}-wal`, `${databasePath}-shm`, ...keys]
  const files = all.map((path) => ({
    path: relative(dataDir, path),
    isRestored: existsSync(stagedPath(path)),
  }))
  const replaced = [join(dataDir, SIGNED_HEAD_FILE)].filter((path) => existsSync(stagedPath(path)))
  for (const path of [...all, ...replaced])
    if (existsSync(stagedPath(path))) syncPath(stagedPath(path))
  for (const folder of stageFolders(places)) syncPath(folder)
  const draft = join(dataDir, `${JOURNAL_FILE}.part`)
  const plan = { aside, files, replaced: replaced.map((path) => relative(dataDir, path)) }
  writeFileSync(draft, JSON.stringify(plan), { mode: 0o600 })
  syncPath(draft)
  renameSync(draft, join(dataDir, JOURNAL_FILE))
  syncPath(dataDir)
  finish(dataDir)
  const folders = new Set([dataDir, dirname(databasePath)].map((folder) => join(folder, aside)))
  return [...folders].filter((folder) => existsSync(folder))
}

/** Returns a name that no earlier restore has used. */
const newAside = ({ dataDir, databasePath }: Places, atMs: number): string => {
  const name = `before-restore-${timeText(atMs)}`
  const isTaken = [dataDir, dirname(databasePath)].some((folder) => existsSync(join(folder, name)))
  return isTaken ? newAside({ dataDir, databasePath }, atMs + 1000) : name
}

/** True if a restore was interrupted there, so that missing files may be back in a moment. */
export const hasUnfinishedRestore = (dataDir: string): boolean =>
  existsSync(join(dataDir, JOURNAL_FILE))

/** Locks a data folder (see `lockDataDir`), after finishing a restore that a kill or a power cut
 * interrupted. Throws `unavailable` if it is in use in a way that forbids that. */
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
    for (const path of plan.replaced ?? []) moveIn(join(dataDir, path))
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

/** Moves the previous file aside. If that was done before an interruption, there is nothing to move, or
 * the restored file is already in place. */
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
