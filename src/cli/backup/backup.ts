import { constants, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import type { Config } from '../../config/config.ts'
import { yieldToEventLoop } from '../../domain/event-loop.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { BY_HAND } from '../../ops/backups/backups.ts'
import { mebibytes } from '../../storage/files/data-dir.ts'
import { type Command, type Options, type Terminal, UsageError } from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { createBackup } from './create-backup.ts'
import { requireDatabase, withExistingData } from '../command/with-app.ts'

const BACKUP = {
  'pg-dump': {
    type: 'boolean',
    default: false,
    summary: 'back up a home on PostgreSQL as SQL written by pg_dump, which psql can load',
  },
} as const satisfies Options

/** Creates a backup of the database and keys, also while the service runs. */
export const backup: Command = {
  summary: 'write a verified backup to FILE, also while the service runs',
  details:
    'FILE must not exist yet. It is a tar file. With BACKUP_PASSPHRASE, it is encrypted (age); without it, the file is as secret as DATA_DIR. For automatic backups see BACKUP_DIR.',
  options: BACKUP,
  operands: ['FILE'],
  examples: {
    'to a USB stick': 'secure-lock-server backup /media/stick/secure-lock-$(date +%F).tar',
  },
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      // The service runs this command in a process of its own, and records the backup itself.
      options: { ...BACKUP, 'by-service': { type: 'boolean', default: false } },
    })
    const [file, ...more] = positionals
    if (!file || more.length > 0) throw new UsageError('backup needs one FILE')
    const config = commandConfig(terminal)
    requireDatabase(config)
    const { 'pg-dump': asDump } = values
    const { PATH = '' } = terminal.env
    if (asDump && !config.postgres)
      throw new UsageError('This home is in a file; --pg-dump is for homes on a PostgreSQL server')
    return values['by-service']
      ? createForService(config, file, terminal)
      : createByHand({ config, file, programs: asDump ? PATH : undefined }, terminal)
  },
}

const createForService = async (config: Config, file: string, { print }: Terminal) => {
  try {
    setPriority(constants.priority.PRIORITY_LOW)
  } catch {
    // The systemd unit allows no change of priority.
  }
  print(
    JSON.stringify(await createBackup({ config, file, show: () => {}, record: async () => {} })),
  )
  return 0
}

type Asked = {
  readonly config: Config
  readonly file: string
  readonly programs: string | undefined
}

const createByHand = ({ config, file, programs }: Asked, terminal: Terminal): Promise<number> =>
  withExistingData(config, async (app) => {
    // Ends the snapshot of what opening has read: no checkpoint could pass it while the copy blocks this thread.
    await yieldToEventLoop()
    const { bytes, events, isEncrypted } = await createBackup({
      config,
      file,
      programs,
      show: terminal.showProgress,
      record: (created) => {
        const { isEncrypted: encrypted, ...detail } = created
        return app.audit.record(COMMAND_LINE, {
          ...BY_HAND,
          result: 'success',
          detail: { ...detail, encrypted },
        })
      },
    })
    const count = events === 1 ? '1 event' : `${events} events`
    const size = `${mebibytes(bytes)}${isEncrypted ? ', encrypted' : ''}`
    terminal.print(`Backed up ${count} and all accounts to ${file} (${size}), and verified it.`)
    if (!isEncrypted)
      terminal.say(
        'Anyone who can read that file has all keys: set BACKUP_PASSPHRASE to encrypt backups',
      )
  })
