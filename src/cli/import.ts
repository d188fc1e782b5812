import { parseArgs } from 'node:util'
import { shownPlace } from '../config/config.ts'
import { type Holder, legacyUserImport } from '../accounts/import/users.ts'
import { legacyUsers } from '../accounts/import/store.ts'
import type { App } from '../app.ts'
import { COMMAND_LINE } from '../domain/audit-event.ts'
import { clockFrom } from '../domain/clock.ts'
import { openExternalDatabase } from '../storage/sqlite/external-database.ts'
import { legacyLogImport, legacyUnlocks } from '../unlocks/import/service.ts'
import { type Command, type Options, type Terminal, UsageError } from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { confirmNewFolder, withApp } from './command/with-app.ts'

const IMPORT = {
  zone: {
    type: 'string',
    default: 'UTC',
    value: 'ZONE',
    summary: 'the time zone of times without an offset, such as Europe/Berlin',
  },
} as const satisfies Options

/** Imports accounts and unlocks of the legacy server, also while the service runs. */
export const importLegacy: Command = {
  summary: 'import the accounts and unlocks of the legacy server',
  details:
    'FILE is its SQLite database, which is only read; the service may run meanwhile. Rows that cannot be imported are listed with the reason. Importing again adds only what is new.',
  options: IMPORT,
  operands: ['FILE'],
  examples: {
    'the legacy server used local time in Berlin':
      'secure-lock-server import --zone Europe/Berlin old.db',
  },
  exitStatus: { 1: 'some rows, or all, could not be imported' },
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: IMPORT,
    })
    const [path, ...more] = positionals
    if (path === undefined || more.length > 0) throw new UsageError('import needs one FILE')
    const zone = knownZone(values.zone)
    const config = commandConfig(terminal)
    await confirmNewFolder(config, terminal)
    const file = openExternalDatabase(path)
    const legacy = { users: legacyUsers(file), unlocks: legacyUnlocks(file) }
    try {
      return await withApp(config, async (app) => {
        terminal.say(`Importing ${path} into ${shownPlace(config)}`)
        return importAll({ app, legacy, zone, terminal })
      })
    } finally {
      file.close()
    }
  },
}

const knownZone = (zone: string): string => {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId
  } catch {
    throw new UsageError('--zone must be a name of the IANA time zone database, or UTC')
  }
}

type Import = {
  readonly app: App
  readonly legacy: {
    readonly users: ReturnType<typeof legacyUsers>
    readonly unlocks: ReturnType<typeof legacyUnlocks>
  }
  readonly zone: string
  readonly terminal: Terminal
}

const importAll = async ({ app, legacy, zone, terminal }: Import): Promise<number> => {
  const { users, unlocks } = legacy
  const [people, events] = [newTally(), newTally()]
  const holders = new Map<string, Holder>()
  const { db, accounts, audit } = app
  let result: 'success' | 'failure' = 'failure'
  try {
    const importUsers = legacyUserImport({
      db,
      accounts: accounts.store,
      hasher: accounts.hasher,
      auditIn: audit.auditIn,
      clock: clockFrom(),
    })
    const userProgress = progress(terminal, 'user', users.lastId())
    for await (const imported of importUsers(users.rows(), holders)) {
      for (const row of imported) count(people, { ...row, table: 'user' }, terminal)
      userProgress(imported.at(-1)?.row)
    }
    const importUnlocks = legacyLogImport({
      unlockLog: app.unlocks.unlockLog,
      store: app.unlocks.store,
      deriveUuid: app.unlocks.deriveUuid,
      zone,
      holderOf: (username) => holders.get(username),
    })
    const unlockProgress = progress(terminal, 'log', unlocks.lastId())
    for await (const imported of importUnlocks(unlocks.rows())) {
      for (const { fault, ...row } of imported)
        count(
          events,
          { ...row, table: 'log', faults: fault === undefined ? [] : [fault] },
          terminal,
        )
      unlockProgress(imported.at(-1)?.row)
    }
    result = 'success'
  } finally {
    const detail = { ...detailOf('accounts', people), ...detailOf('unlocks', events) }
    await audit.record(COMMAND_LINE, { action: 'import', result, detail })
    for (const line of summary(people, events)) terminal.print(line)
  }
  await app.unlocks.retention.apply()
  return people.faults + events.faults > 0 ? 1 : 0
}

type Tally = { taken: number; here: number; refused: number; faults: number }

const newTally = (): Tally => ({ taken: 0, here: 0, refused: 0, faults: 0 })

type Imported = {
  readonly table: 'user' | 'log'
  readonly row: unknown
  readonly name?: string
  readonly outcome: 'taken' | 'here' | 'refused'
  readonly faults: readonly string[]
}

const count = (tally: Tally, imported: Imported, { print }: Terminal): void => {
  const { table, row, name, outcome, faults } = imported
  tally[outcome] += 1
  tally.faults += faults.length
  const id = typeof row === 'number' ? row : 'without a number'
  const whose = name === undefined ? '' : ` (${name})`
  const what = outcome === 'refused' ? 'not imported' : 'imported'
  for (const fault of faults) print(`${table} ${id}${whose}: ${what}, ${fault}`)
}

const detailOf = (of: string, { taken, here, refused }: Tally) => ({
  [`${of}_taken`]: taken,
  [`${of}_there_before`]: here,
  [`${of}_not_taken`]: refused,
})

const summary = (people: Tally, events: Tally): readonly string[] =>
  [
    ['', 'imported', 'already there', 'not imported'],
    ['accounts', people.taken, people.here, people.refused],
    ['unlocks', events.taken, events.here, events.refused],
  ].map(([of, ...counts]) => [of, ...counts].map((cell) => String(cell).padStart(14)).join(''))

/** How often a long import reports its progress. */
const PROGRESS_MS = 2000

const progress = ({ say, isShown }: Terminal, table: Imported['table'], lastRow: unknown) => {
  let saidAt = performance.now()
  return (row: unknown): void => {
    if (!isShown || performance.now() - saidAt < PROGRESS_MS) return
    saidAt = performance.now()
    say(`  ${table} ${String(row)} of ${String(lastRow)}`)
  }
}
