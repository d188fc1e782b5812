import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type App, openApp } from '../app.ts'
import { type Config, parseConfig, shownPlace } from '../config/config.ts'
import { COMMAND_LINE } from '../domain/audit-event.ts'
import { AppError } from '../errors.ts'
import { processLogger } from '../http/log/logger.ts'
import { DATABASE_FILE } from '../storage/files/data-dir.ts'
import { type Copied, changedWords, copyHome } from '../storage/moving/copy-home.ts'
import {
  type Move,
  forgetMove,
  isPath,
  leftWords,
  moveIn,
  storeMove,
} from '../storage/moving/moved.ts'
import { type Place, openSource } from '../storage/moving/source.ts'
import { openTarget } from '../storage/moving/open-target.ts'
import type { Arriving } from '../storage/moving/target.ts'
import { logReads } from '../unlocks/log/store.ts'
import { verifyLog } from '../unlocks/verify/verify-log.ts'
import { percentOf } from './backup/create-backup.ts'
import { type Command, type Options, type Terminal, UsageError } from './command/command.ts'
import { requireConsent, requireTerminal } from './command/consent.ts'
import { commandConfig } from './command/running-service.ts'
import { requireDatabase } from './command/with-app.ts'

const MIGRATE = {
  to: { type: 'string', value: 'ADDRESS', summary: 'the new database, as in DATABASE_URI' },
  'to-file': {
    type: 'string',
    value: 'FILE',
    summary: 'a file with the address, so that its password is not on the command line',
  },
  undo: {
    type: 'boolean',
    default: false,
    summary: 'take a move back: use the database of the current settings again',
  },
  yes: { type: 'boolean', default: false, summary: 'do not ask for confirmation of --undo' },
} as const satisfies Options

/** Moves a home between a database file and a PostgreSQL server. */
export const migrate: Command = {
  summary: 'move all data to a PostgreSQL server, or back to a file',
  details:
    'Stop the service first, on all machines. All data is copied and compared, and the log is verified, before the new database can be used. The keys stay in DATA_DIR. The old database keeps its data, but the service no longer starts with it. If the move is interrupted, run the same command again. Afterwards, set DATABASE_URI or DATABASE_URI_FILE to the new address, as the command says.',
  options: MIGRATE,
  examples: {
    'to a server': 'secure-lock-server migrate --to-file /etc/secure-lock.database',
    'back to a file':
      'secure-lock-server migrate --to sqlite:////var/lib/secure-lock/secure-lock.db',
  },
  run: async (args, terminal) => {
    const { values } = parseArgs({ args: [...args], options: MIGRATE })
    const { to, 'to-file': file, undo, yes: isSure } = values
    if ([to, file, undo || undefined].filter((value) => value !== undefined).length !== 1)
      throw new UsageError('migrate needs one of --to, --to-file and --undo')
    const config = commandConfig(terminal)
    requireDatabase(config)
    const place = undo
      ? undefined
      : parseConfig({
          DATA_DIR: config.dataDir,
          ...(file === undefined ? { DATABASE_URI: to } : { DATABASE_URI_FILE: file }),
        })
    if (place && shownPlace(place) === shownPlace(config))
      throw new AppError('conflict', `The home is already at ${shownPlace(place)}`)
    const logger = processLogger({ level: 'fatal', format: 'text', write: () => {} })
    const app = await openApp(config, { logger, use: 'alone', mustExist: true })
    try {
      await (place
        ? leave(app, { config, place, file, terminal })
        : comeBack(app, { isSure, terminal }))
      return 0
    } finally {
      terminal.showProgress('')
      await app[Symbol.asyncDispose]()
    }
  },
}

type Leaving = {
  readonly config: Config
  readonly place: Place
  /** The file with its address, if one was named. */
  readonly file: string | undefined
  readonly terminal: Terminal
}

const leave = async (app: App, { config, place, file, terminal }: Leaving): Promise<void> => {
  const { print } = terminal
  const to = shownPlace(place)
  const earlier = await moveIn(app.db)
  if (earlier && (earlier.isDone || earlier.to !== to))
    throw new AppError('conflict', leftWords(earlier))
  const id = earlier?.id ?? Bun.randomUUIDv7()
  const startedMs = performance.now()
  const target = await openTarget(place, id)
  try {
    const move = earlier ?? (await begin(app, { id, to }))
    if (!target.hasArrived) {
      const home = await target.begin()
      const { rows, changed } = await bring(app, { config, move, terminal, home })
      await home.publish()
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      terminal.showProgress('')
      print(`Copied ${rows.toLocaleString('en')} rows to ${to} in ${seconds} s, and compared them.`)
      if (changed > 0) print(changedWords(changed))
    }
    await app.db.transaction((tx) => storeMove(tx, { ...move, isDone: true }, app.db))
  } finally {
    await target.close()
  }
  const size = await app.unlocks.size()
  print(
    `The log is intact there: ${size === 1 ? '1 entry' : `${size} entries`}, with the same checkpoint.`,
  )
  print(`${newSettings({ config, to, file })}, then start the service.`)
}

/** What to change in the settings, so that the service finds the home where it is now. */
const newSettings = ({
  config: { dataDir },
  to,
  file,
}: Pick<Leaving, 'config' | 'file'> & { readonly to: string }): string => {
  if (to === join(resolve(dataDir), DATABASE_FILE))
    return 'Remove DATABASE_URI and DATABASE_URI_FILE from the settings'
  if (file !== undefined) return `Set DATABASE_URI_FILE to ${resolve(file)}`
  return `Set DATABASE_URI to ${isPath(to) ? `sqlite:///${to}` : 'the new address'}`
}

/** Closes this place: from now on, no service starts with it. */
const begin = async (app: App, { id, to }: Pick<Move, 'id' | 'to'>): Promise<Move> => {
  const move = { id, to, atMs: Date.now(), isDone: false }
  await app.db.transaction(async (tx) => {
    await storeMove(tx, move, app.db)
    await app.audit.auditIn(tx).record(COMMAND_LINE, {
      action: 'home.move',
      result: 'success',
      subject: 'home',
      detail: { to },
    })
    app.unlocks.recordIn(tx).add({ ...HOME, kind: 'home.moved', body: { by: BY, to } })
  })
  return move
}

const HOME = { subject: 'home', by: null, about: null } as const
const BY = COMMAND_LINE.address

type Bringing = {
  readonly config: Config
  readonly move: Move
  readonly terminal: Terminal
  readonly home: Arriving
}

/** Copies everything and verifies it. After a failure, this place is as it was. */
const bring = async (
  app: App,
  { config, move, terminal: { showProgress }, home }: Bringing,
): Promise<Copied> => {
  try {
    const source = await openSource(config)
    try {
      const copied = await copyHome({
        from: source,
        to: home,
        onCopied: percentOf(showProgress, 'Copying'),
        onCompared: percentOf(showProgress, 'Comparing'),
      })
      await requireSameLog(app, await home.written(), percentOf(showProgress, 'Verifying the log'))
      return copied
    } finally {
      await source.close()
    }
  } catch (error) {
    await home.discard().catch(() => {})
    await takeBack(app, move)
    throw error
  } finally {
    showProgress('')
  }
}

/** Verifies the log that was copied against the checkpoint of this place. Rejects with `unavailable`. */
const requireSameLog = async (
  { unlocks: { unlockLog, verifierKey: key } }: App,
  written: Parameters<typeof logReads>[0],
  progress: (done: number, total: number) => void,
): Promise<void> => {
  const here = await unlockLog.head()
  const source = logReads(written)
  const head = await source.head()
  if (head?.checkpoint !== here.checkpoint)
    throw new AppError('unavailable', 'The checkpoint of the copied log is different')
  const verdict = await verifyLog({
    source,
    head,
    key,
    kept: [here.checkpoint],
    afterPage: (done) => progress(done, head.size),
  })
  if (!verdict.ok) throw new AppError('unavailable', `The copied log is broken. ${verdict.fault}`)
}

const takeBack = (app: App, { to }: Move): Promise<void> =>
  app.db.transaction(async (tx) => {
    await forgetMove(tx, app.db)
    await app.audit.auditIn(tx).record(COMMAND_LINE, {
      action: 'home.move_undo',
      result: 'success',
      subject: 'home',
      detail: { to },
    })
    app.unlocks.recordIn(tx).add({ ...HOME, kind: 'home.move_undone', body: { by: BY, to } })
  })

type ComingBack = { readonly isSure: boolean; readonly terminal: Terminal }

const comeBack = async (app: App, { isSure, terminal }: ComingBack): Promise<void> => {
  const move = await moveIn(app.db)
  if (!move) throw new AppError('conflict', 'The home has not moved from this database')
  if (move.isDone && !isSure) {
    requireTerminal(terminal, 'migrate --undo')
    terminal.say(`What was recorded at ${move.to} since is not in this database.`)
    await requireConsent(terminal, {
      word: 'undo',
      purpose: 'to use this database again',
      refusal: 'Nothing was changed',
    })
  }
  await takeBack(app, move)
  terminal.print(`The home is in this database again. Do not start the one at ${move.to}.`)
}
