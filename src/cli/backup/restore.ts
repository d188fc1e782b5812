import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Config, parseConfig } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { DATABASE_FILE } from '../../storage/files/data-dir.ts'
import { lockDataDir } from '../../storage/files/data-dir-lock.ts'
import { fileUnavailable, makePrivateFolder } from '../../storage/files/private-files.ts'
import {
  commitRestore,
  enterFolder,
  makeStage,
  removeStage,
  stageOf,
} from '../../storage/backup/restore-journal.ts'
import { type Command, type Options, type Terminal, UsageError } from '../command/command.ts'
import { type LiveData, compareLiveData, reapplyErasures } from './compare-live-data.ts'
import { type Unpacked, unpackVerified } from './unpack-backup.ts'

const RESTORE = {
  check: { type: 'boolean', default: false, summary: 'only prove it, also while the service runs' },
  yes: { type: 'boolean', default: false, summary: 'do not ask, whatever is lost by it' },
} as const satisfies Options

/** Puts a backup in the place of database and keys, once all of it is proved. */
export const restore: Command = {
  summary: 'put a backup in the place of what DATA_DIR holds, or only prove it',
  details:
    'The service must be stopped first. What was there is kept in a folder beside it, and all sessions end.',
  options: RESTORE,
  operands: ['FILE'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: RESTORE,
    })
    const [file, ...more] = positionals
    if (!file || more.length > 0) throw new UsageError('restore needs one FILE')
    const config = parseConfig(terminal.env)
    const backup = resolve(file)
    makePrivateFolder(config.dataDir)
    try {
      return values.check
        ? await check({ config, backup, terminal })
        : await restoreFrom({ config, backup, terminal, isSure: values.yes })
    } catch (error) {
      throw fileUnavailable('Cannot restore', error)
    } finally {
      terminal.showProgress('')
    }
  },
}

type Wanted = {
  readonly config: Config
  readonly backup: string
  readonly terminal: Terminal
}

/** Unpacks and proves a backup in a folder that is removed again. */
const check = async ({ config, backup, terminal }: Wanted): Promise<number> => {
  const release = lockDataDir(config.dataDir, 'backup')
  const dataDir = join(config.dataDir, '.checking')
  try {
    rmSync(dataDir, { recursive: true, force: true })
    mkdirSync(dataDir, { mode: 0o700 })
    const places = { dataDir, databasePath: join(dataDir, DATABASE_FILE) }
    const unpacked = await unpackVerified({ backup, config: { ...config, ...places }, terminal })
    await unpacked.app.close()
    terminal.showProgress('')
    terminal.print(`The backup is intact: ${contents(unpacked)}`)
    return 0
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
    release()
  }
}

const restoreFrom = async (wanted: Wanted & { readonly isSure: boolean }): Promise<number> => {
  const { config, backup, terminal, isSure } = wanted
  const { print, say, showProgress } = terminal
  const release = enterFolder(config.dataDir, 'restore')
  try {
    makeStage(config)
    const stage = { ...config, ...stageOf(config) }
    const unpacked = await unpackVerified({ backup, config: stage, terminal })
    try {
      showProgress('')
      say(`The backup is intact: ${contents(unpacked)}`)
      const { manifest } = unpacked
      const present = await compareLiveData(config, unpacked)
      // With nothing there to compare, only who kept the key can tell whose log it is.
      say(present ? present.words : `Its log is of the key ${manifest.log.key}`)
      if (present && !isSure) await requireConsent(terminal)
      await prepare(unpacked, present, terminal)
    } finally {
      await unpacked.app.close()
    }
    const kept = commitRestore(config, Date.now())
    print(`Restored: ${contents(unpacked)}`)
    say(
      'All sessions are ended. Passwords, second factors, roles, who is disabled and who may register are as they were then.',
    )
    for (const folder of kept) say(`What was there before is in ${folder}, and just as secret.`)
    return 0
  } finally {
    removeStage(config)
    release()
  }
}

const contents = ({ manifest, events }: Unpacked): string => {
  const count = events === 1 ? '1 event' : `${events} events`
  return `${count} and all accounts, as of ${manifest.made_at}`
}

const requireConsent = async ({ isInteractive, readLine }: Terminal): Promise<void> => {
  if (!isInteractive) throw new UsageError('restore needs --yes where nobody can be asked')
  const word = await readLine('Type restore to put the backup in its place: ')
  if (word !== 'restore') throw new AppError('invalid', 'Nothing was restored')
}

/** Makes the unpacked files fit for use: nobody is there who was erased since, nothing that ended since
 * is good again, and the trail says what happened. */
const prepare = async (
  unpacked: Unpacked,
  present: LiveData | undefined,
  { say }: Terminal,
): Promise<void> => {
  const { app, manifest, events } = unpacked
  const again = await reapplyErasures(unpacked, present?.erased ?? [])
  if (again.erased > 0)
    say(`Erased again: ${again.erased === 1 ? '1 person' : `${again.erased} people`}`)
  if (again.kept > 0)
    say(
      'The last owner of that time was erased since, and is there again: make another, then erase',
    )
  await app.db.transaction(async (tx) => {
    const revoked = await app.revokeCredentialsIn(tx)
    await app.auditIn(tx).record(COMMAND_LINE, {
      action: 'backup.restore',
      result: 'success',
      detail: {
        made_at: manifest.made_at,
        events,
        erased: again.erased,
        ...revoked,
        ...(present?.lost === undefined ? {} : { lost: present.lost }),
      },
    })
  })
}
