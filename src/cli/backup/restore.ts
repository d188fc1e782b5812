import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { DATABASE_FILE } from '../../storage/files/data-dir.ts'
import { removeCopy } from '../../storage/database-copy.ts'
import { lockForBackup } from '../../storage/data-dir-lock.ts'
import { fileUnavailable, makePrivateFolder } from '../../storage/files/private-files.ts'
import {
  commitRestore,
  enterFolder,
  makeStage,
  removeStage,
  stageOf,
} from '../../storage/backup/restore-journal.ts'
import { disableOthersIn } from '../../outbox/core/restore-store.ts'
import { changedWords } from '../../storage/moving/copy-home.ts'
import type { LogBreak } from '../../unlocks/guard/head-file.ts'
import { RECEIPTS, lossWords, lostEvents, unlocks } from '../../unlocks/guard/words.ts'
import { type Command, type Options, type Terminal, UsageError } from '../command/command.ts'
import { requireConsent, requireTerminal } from '../command/consent.ts'
import { commandConfig } from '../command/running-service.ts'
import { withTimes } from '../command/table.ts'
import { confirmNewFolder } from '../command/with-app.ts'
import {
  type LiveData,
  NOTHING,
  compareLiveData,
  reapplyErasures,
  reapplyEndDates,
  reapplyWithdrawals,
} from './compare-live-data.ts'
import { WAITING, percentOf } from './create-backup.ts'
import type { Restoring } from './server-home.ts'
import { type Reapplied, reapplyDevices } from './reapply-devices.ts'
import { recordRestoredLoss, restoredBreak } from './restored-loss.ts'
import { type Unpacked, unpackVerified } from './unpack-backup.ts'

const RESTORE = {
  check: {
    type: 'boolean',
    default: false,
    summary: 'only verify it, also while the service runs',
  },
  yes: {
    type: 'boolean',
    default: false,
    summary: 'do not ask for confirmation, whatever will be lost',
  },
} as const satisfies Options

/** Replaces the database and keys with those of a backup, once all of it is verified. */
export const restore: Command = {
  summary: 'replace all data with that of a backup, or only verify it',
  details:
    'Stop the service first. The previous data is kept in a folder beside the new data, and all sessions end.',
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
    const config = commandConfig(terminal)
    const backup = resolve(file)
    // First, so that a mistyped name leaves no empty DATA_DIR behind.
    if (!existsSync(backup))
      throw new AppError('unavailable', `Cannot use the backup ${backup}: there is no such file`)
    if (!values.check && !values.yes) await confirmNewFolder(config, terminal)
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

type Request = {
  readonly config: Config
  readonly backup: string
  readonly terminal: Terminal
}

/** Unpacks and verifies a backup in a folder that is removed afterwards. */
const check = async ({ config, backup, terminal }: Request): Promise<number> => {
  const release = await lockForBackup(config.dataDir, () => terminal.showProgress(WAITING))
  const dataDir = join(config.dataDir, '.checking')
  const databasePath = join(dataDir, DATABASE_FILE)
  const clear = (): void => {
    removeCopy(databasePath)
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    clear()
    mkdirSync(dataDir, { mode: 0o700 })
    const places = { dataDir, databasePath, postgres: undefined }
    const unpacked = await unpackVerified({ backup, config: { ...config, ...places }, terminal })
    await unpacked.app[Symbol.asyncDispose]()
    terminal.showProgress('')
    terminal.print(`The backup is intact: ${contents(unpacked, terminal)}`)
    return 0
  } finally {
    clear()
    release()
  }
}

const restoreFrom = async (request: Request & { readonly isSure: boolean }): Promise<number> => {
  const { backup, terminal, isSure } = request
  const { print, say, showProgress } = terminal
  const release = enterFolder(request.config.dataDir, 'restore')
  await using ends = new AsyncDisposableStack()
  ends.defer(release)
  const restoring = await restoringFrom(request)
  ends.defer(restoring.close)
  const { config } = restoring
  try {
    makeStage(config)
    const stage = { ...config, ...stageOf(config) }
    const unpacked = await unpackVerified({ backup, config: stage, terminal })
    try {
      showProgress('')
      say(`The backup is intact: ${contents(unpacked, terminal)}`)
      const { manifest } = unpacked
      const live = await compareLiveData(config, unpacked)
      // Without a log to compare with, only the key identifies the log.
      say(live ? live.summary : `Its log has the key ${manifest.log.key}`)
      const broken = await restoredBreak(config, unpacked, live)
      if (broken) say(signedBefore(broken, live))
      if ((live || broken) && !isSure) await askForConsent(terminal)
      await prepare(unpacked, { live, broken, config, stage }, terminal)
    } finally {
      await unpacked.app[Symbol.asyncDispose]()
    }
    const changed = await restoring.publish(
      stage.databasePath,
      percentOf(showProgress, 'Restoring'),
    )
    showProgress('')
    const kept = commitRestore(config, Date.now())
    print(`Restored: ${contents(unpacked, terminal)}`)
    say(
      'All sessions have ended. Passwords, second factors, roles, disabled accounts, holidays and registration are as they were then.',
    )
    if (changed > 0) say(changedWords(changed))
    for (const folder of kept) say(`The previous data is in ${folder}; keep it secret too.`)
    return 0
  } finally {
    removeStage(config)
  }
}

/** Loaded only where the data is on a server; a restore of files needs nothing else. */
const restoringFrom = async ({ config, terminal: { showProgress } }: Request): Promise<Restoring> =>
  config.postgres
    ? (await import('./server-home.ts')).restoringOnServer(
        config,
        config.postgres,
        percentOf(showProgress, 'Copying the current data'),
      )
    : { config, publish: async () => 0, close: async () => {} }

/** Returns how much of what this gateway has signed is lost, in words. */
const signedBefore = (broken: LogBreak, live: LiveData | undefined): string => {
  const lost = lostEvents(broken)
  const isSaid = lost !== undefined && lost === live?.lost
  return `${isSaid ? '' : `This gateway has signed a log of ${unlocks(broken.kept.size)}. ${lossWords(broken)}. `}${RECEIPTS}`
}

const contents = ({ manifest, events }: Unpacked, terminal: Terminal): string => {
  const count = events === 1 ? '1 event' : `${events} events`
  return withTimes(`${count} and all accounts, as of ${manifest.made_at}`, terminal)
}

const askForConsent = async (terminal: Terminal): Promise<void> => {
  requireTerminal(terminal, 'restore')
  await requireConsent(terminal, {
    word: 'restore',
    purpose: 'to replace the current data',
    refusal: 'Nothing was restored',
  })
}

type Preparing = Parameters<typeof reapplyDevices>[2] & {
  readonly live: LiveData | undefined
  readonly broken: LogBreak | undefined
}

/** Prepares the unpacked files for use: erases people who were erased since, makes people wait whose
 * admission was withdrawn since, sets end dates again, withdraws grants and locks again, revokes credentials that may
 * have ended since, and records the restore and what it loses. */
const prepare = async (
  unpacked: Unpacked,
  { live, broken, ...folders }: Preparing,
  { say }: Terminal,
): Promise<void> => {
  const { app, manifest, events } = unpacked
  const again = await reapplyErasures(unpacked, live?.erased ?? [])
  if (again.erased > 0)
    say(`Erased again: ${again.erased === 1 ? '1 person' : `${again.erased} people`}`)
  if (again.kept > 0)
    say(
      'The only owner at that time has been erased since, and is back: create another owner, then erase that one',
    )
  const { withdrawn, kept } = await reapplyWithdrawals(unpacked, live?.waiting ?? [])
  if (withdrawn > 0)
    say(`Waiting to be admitted again: ${withdrawn === 1 ? '1 person' : `${withdrawn} people`}`)
  if (kept > 0)
    say(
      `Admins or owners again, whose admission was withdrawn since: ${kept}. Change their role, then withdraw it again`,
    )
  const { ended, kept: endless } = await reapplyEndDates(unpacked, live?.ending ?? [])
  if (ended > 0) say(`End dates set again: ${ended}`)
  if (endless > 0)
    say(
      'The only owner in the backup has been given an end date since; it was not set again: create another owner, then set it',
    )
  const access = await app.locks.withdrawAgain(COMMAND_LINE, (live ?? NOTHING).access)
  if (access.grants > 0) say(`Grants revoked or changed again: ${access.grants}`)
  if (access.suspended > 0)
    say(
      `Passes and grants with a number of visits that open nothing until an owner confirms them, since they may have been revoked or used up: ${access.suspended}. See grant list`,
    )
  if (access.locks > 0) say(`Locks disabled, retired or locked down again: ${access.locks}`)
  if (access.operators > 0)
    say(`Locks that the MQTT broker can no longer open: ${access.operators}`)
  const devices = await reapplyDevices(unpacked, live ?? NOTHING, folders)
  sayDevices(devices, say)
  const lost = live?.lost ?? (broken && lostEvents(broken))
  await app.db.transaction(async (tx) => {
    const revoked = await app.accounts.revokeCredentialsIn(tx, live?.tokens ?? [])
    if (revoked.tokens > 0)
      say(`Access tokens revoked, since nothing shows that they are still valid: ${revoked.tokens}`)
    const targets = live?.targets ? await disableOthersIn(tx, live.targets) : 0
    if (targets > 0)
      say(`Targets that were removed or changed since, and are now disabled: ${targets}`)
    await app.audit.auditIn(tx).record(COMMAND_LINE, {
      action: 'backup.restore',
      result: 'success',
      detail: {
        made_at: manifest.made_at,
        events,
        erased: again.erased,
        withdrawn,
        ended,
        ...access,
        ...devices,
        ...revoked,
        targets,
        ...(lost === undefined ? {} : { lost }),
      },
    })
  })
  await recordRestoredLoss(unpacked, broken)
}

const sayDevices = (devices: Reapplied, say: Terminal['say']): void => {
  const { passes, guests_erased: erased, controllers, doubtful, door_key: hasNewKey } = devices
  if (erased > 0) say(`Guests erased again: ${erased}`)
  if (passes > 0) say(`Passes whose replaced links or removed phones no longer work: ${passes}`)
  if (controllers > 0) say(`Controllers removed again: ${controllers}`)
  if (doubtful > 0)
    say(
      `Controllers as they were at the time of the backup: ${doubtful}. Remove those that were removed since: see lock controller list`,
    )
  if (hasNewKey)
    say('Commands to controllers are signed with the current door key, not the one in the backup')
}
