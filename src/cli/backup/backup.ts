import { parseArgs } from 'node:util'
import { type Config, parseConfig } from '../../config/config.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { mebibytes } from '../../storage/files/data-dir.ts'
import { type Command, type Terminal, UsageError } from '../command/command.ts'
import { createBackup } from './create-backup.ts'
import { requireDatabase, withExistingData } from '../command/with-app.ts'

/** Makes a backup of database and keys, also while the service runs. */
export const backup: Command = {
  summary: 'write database and keys to FILE, verified, also while the service runs',
  details:
    'FILE must not be there yet. It is a tar file; with BACKUP_PASSPHRASE it is encrypted (age), and without as secret as DATA_DIR. For backups by themselves see BACKUP_DIR.',
  operands: ['FILE'],
  examples: { 'onto a stick': 'secure-lock-server backup /media/stick/secure-lock.tar' },
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      // The service runs this very command beside itself, tells of it and records it.
      options: { 'by-service': { type: 'boolean', default: false } },
    })
    const [file, ...more] = positionals
    if (!file || more.length > 0) throw new UsageError('backup needs one FILE')
    const config = parseConfig(terminal.env)
    requireDatabase(config)
    return values['by-service']
      ? makeForService(config, file, terminal)
      : makeByHand(config, file, terminal)
  },
}

const makeForService = async (config: Config, file: string, { print }: Terminal) => {
  print(
    JSON.stringify(await createBackup({ config, file, show: () => {}, record: async () => {} })),
  )
  return 0
}

const makeByHand = (config: Config, file: string, terminal: Terminal): Promise<number> =>
  withExistingData(config, async (app) => {
    const { bytes, events, isEncrypted } = await createBackup({
      config,
      file,
      show: terminal.showProgress,
      record: (made) => {
        const detail = { bytes: made.bytes, events: made.events, encrypted: made.isEncrypted }
        return app.record(COMMAND_LINE, { action: 'backup.create', result: 'success', detail })
      },
    })
    const count = events === 1 ? '1 event' : `${events} events`
    const size = `${mebibytes(bytes)}${isEncrypted ? ', encrypted' : ''}`
    terminal.print(`Backed up ${count} and all accounts to ${file} (${size}), and verified it.`)
    if (!isEncrypted)
      terminal.say('Whoever reads that file has all keys: set BACKUP_PASSPHRASE to encrypt backups')
  })
