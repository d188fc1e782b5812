import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { clockFrom } from '../../domain/clock.ts'
import { atomicDirectory } from '../../storage/files/atomic-directory.ts'
import { fileFault } from '../../storage/files/private-files.ts'
import { PROOFS_DEFAULT, SUMS_FILE, exportBundle } from '../../unlocks/bundle/export.ts'
import { BUNDLE_FILES, type Bundle, verifyBundle } from '../../unlocks/bundle/verify.ts'
import { parseCheckpoint } from '../../unlocks/tlog/checkpoint.ts'
import { ProofError } from '../../unlocks/tlog/proof-format.ts'
import { keptCheckpoint } from '../../unlocks/tlog/receipt.ts'
import {
  type VerifierKey,
  formatVerifierKey,
  parseNote,
  parseVerifierKey,
} from '../../unlocks/tlog/signed-note.ts'
import { type Verdict, verifyLog } from '../../unlocks/verify/verify-log.ts'
import {
  type Actions,
  type Command,
  type Options,
  type Terminal,
  UsageError,
  runAction,
} from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { withExistingData } from '../command/with-app.ts'
import { acceptLoss } from './accept-loss.ts'
import { verifyReceiptIn } from './receipt.ts'

/** Prints one line about the log. */
const printing =
  (line: (app: App) => string | Promise<string>): Command['run'] =>
  async (args, terminal) => {
    if (args.length > 0) throw new UsageError('log key and log checkpoint take no arguments')
    return withExistingData(commandConfig(terminal), async (app) => {
      terminal.print(await line(app))
    })
  }

/** What a log is verified against. */
type Expected = {
  readonly checkpointFiles: readonly string[]
  readonly kept: readonly string[]
  readonly key: VerifierKey | undefined
}

const VERIFY = {
  checkpoint: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    summary: 'prove that the log extends this checkpoint, kept earlier',
  },
  key: { type: 'string', value: 'VKEY', summary: 'prove that this key signed the log' },
  bundle: {
    type: 'string',
    value: 'DIR',
    summary: 'verify an exported bundle; needs no server and no DATA_DIR',
  },
  receipt: {
    type: 'string',
    value: 'FILE',
    summary: 'verify a receipt that contains its event; needs only --key',
  },
} as const satisfies Options

const verify: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: VERIFY })
  const checkpointFiles = values.checkpoint ?? []
  const expected: Expected = {
    checkpointFiles,
    kept: checkpointFiles.map(readCheckpoint),
    key: values.key === undefined ? undefined : expectedKey(values.key),
  }
  if (values.receipt !== undefined)
    return verifyReceiptIn(readText(values.receipt), expected.key, terminal)
  return values.bundle === undefined
    ? withExistingData(commandConfig(terminal), (app) => verifyRows(app, expected, terminal))
    : verifyFolder(values.bundle, expected, terminal)
}

const verifyRows = async (
  { unlocks: { store, unlockLog, verifierKey } }: App,
  expected: Expected,
  terminal: Terminal,
): Promise<number> => {
  const verdict = await verifyLog({
    source: store,
    head: await unlockLog.head(),
    key: expected.key ?? verifierKey,
    kept: expected.kept,
  })
  return report({ verdict, what: 'log', expected, terminal })
}

const verifyFolder = async (
  folder: string,
  expected: Expected,
  terminal: Terminal,
): Promise<number> => {
  const verdict = await verifyBundle(openBundle(folder), {
    kept: expected.kept,
    ...(expected.key ? { key: expected.key } : {}),
  })
  const fault = verdict.ok ? await sumsFault(folder) : undefined
  const checked: Verdict = fault === undefined ? verdict : { ok: false, seq: undefined, fault }
  const status = report({ verdict: checked, what: 'bundle', expected, terminal })
  if (checked.ok && !expected.key)
    terminal.print(
      `The key was taken from the bundle itself: ${readFileSync(join(folder, 'key'), 'utf8').trim()}\n` +
        'Compare it with the key you know, or pass that with --key.',
    )
  return status
}

type Report = {
  readonly verdict: Verdict
  readonly what: 'log' | 'bundle'
  readonly expected: Expected
  readonly terminal: Terminal
}

const report = ({ verdict, what, expected, terminal: { print, say } }: Report): number => {
  if (!verdict.ok) {
    const first = verdict.seq === undefined ? '' : `\nFirst wrong event: ${verdict.seq}`
    say(`The ${what} is broken. ${verdict.fault}${first}`)
    return 1
  }
  const { checkpointFiles, key } = expected
  const extending = checkpointFiles.length > 0 ? `, and extends ${checkpointFiles.join(', ')}` : ''
  const signed = key ? `, signed by ${formatVerifierKey(key)}` : ''
  print(`The ${what} is intact: ${events(verdict.size)}${extending}${signed}`)
  return 0
}

const events = (count: number): string => (count === 1 ? '1 event' : `${count} events`)

const openBundle = (folder: string): Bundle => {
  const missing = BUNDLE_FILES.filter((name) => !hasFile(folder, name))
  if (missing.length > 0)
    throw new AppError('unavailable', `${folder} is not a bundle: it has no ${missing.join(', ')}`)
  const file = (name: keyof Bundle) => Bun.file(join(folder, name))
  return {
    'entries.ndjson': file('entries.ndjson'),
    'proofs.ndjson': file('proofs.ndjson'),
    checkpoint: file('checkpoint'),
    key: file('key'),
  }
}

/** True if the folder has a file with that name. Throws `unavailable` if it cannot be read. */
const hasFile = (folder: string, name: string): boolean => {
  const path = join(folder, name)
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false
    accessSync(path, constants.R_OK)
    return true
  } catch (error) {
    throw new AppError('unavailable', `Cannot read ${path}: ${fileFault(error)}`, { cause: error })
  }
}

/** Compares the files with their checksums, which also cover files that no signature covers. */
const sumsFault = async (folder: string): Promise<string | undefined> => {
  const path = join(folder, SUMS_FILE)
  if (!hasFile(folder, SUMS_FILE)) return `${SUMS_FILE} is missing`
  const lines = readFileSync(path, 'utf8').split('\n')
  if (lines.pop() !== '') return `${SUMS_FILE} is cut off`
  for (const line of lines) {
    const { sum, name } = /^(?<sum>[0-9a-f]{64}) {2}(?<name>[\w.-]+)$/.exec(line)?.groups ?? {}
    if (sum === undefined || name === undefined) return `${SUMS_FILE} cannot be read`
    if (!hasFile(folder, name)) return `${name} is missing`
    const hasher = new Bun.CryptoHasher('sha256')
    for await (const chunk of Bun.file(join(folder, name)).stream()) hasher.update(chunk)
    if (hasher.digest('hex') !== sum) return `${name} does not match ${SUMS_FILE}`
  }
  return undefined
}

const EXPORT = {
  out: { type: 'string', value: 'DIR', required: true, summary: 'the folder to create' },
  proofs: {
    type: 'string',
    default: String(PROOFS_DEFAULT),
    value: 'COUNT',
    summary: 'how many of the newest events get a receipt',
  },
} as const satisfies Options

const exportLog: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: EXPORT })
  const { out, proofs } = values
  if (!out) throw new UsageError('log export needs --out DIR')
  if (!/^\d{1,15}$/.test(proofs)) throw new UsageError('--proofs must be a whole number')
  return withExistingData(commandConfig(terminal), async (app) => {
    const draft = atomicDirectory(out)
    try {
      const { path, write } = draft
      const { unlockLog, store } = app.unlocks
      await exportBundle(
        { log: unlockLog, store, clock: clockFrom(), write },
        { proofs: Number(proofs) },
      )
      const verdict = await verifyBundle(openBundle(path), { key: app.unlocks.verifierKey })
      const detail = { intact: verdict.ok }
      await app.audit.record(COMMAND_LINE, { action: 'log.export', result: 'success', detail })
      draft.commit()
      return exported(out, verdict, terminal)
    } finally {
      draft.discard()
    }
  })
}

const exported = (out: string, verdict: Verdict, { print, say }: Terminal): number => {
  if (!verdict.ok) {
    say(`Exported the log to ${out}, but it is broken. ${verdict.fault}`)
    return 1
  }
  print(
    `Exported ${events(verdict.size)} to ${out}, and verified the bundle. It contains personal data.`,
  )
  return 0
}

const expectedKey = (text: string): VerifierKey => {
  try {
    return parseVerifierKey(text)
  } catch (error) {
    if (error instanceof ProofError) throw new UsageError(`--key: ${error.message}`)
    throw error
  }
}

/** Reads a checkpoint that was kept, alone or in a receipt. Throws `unavailable` if the file has
 * none. */
const readCheckpoint = (path: string): string => {
  const text = readText(path)
  try {
    parseCheckpoint(parseNote(keptCheckpoint(text)).text)
    return text
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    throw new AppError('unavailable', `${path} contains no checkpoint: ${error.message}`)
  }
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new AppError('unavailable', `Cannot read ${path}: ${fileFault(error)}`, { cause: error })
  }
}

const ACTIONS: Actions = {
  verify: {
    summary: 'recompute everything from the rows, and report the first wrong event',
    options: VERIFY,
    run: verify,
  },
  export: {
    summary: 'write entries, checkpoint, key, receipts and a page that verifies them',
    options: EXPORT,
    run: exportLog,
  },
  key: {
    summary: 'print the key that others verify the log with',
    run: printing((app) => app.unlocks.unlockLog.verifierKey),
  },
  checkpoint: {
    summary: 'print the current checkpoint; keep it on another machine',
    run: printing(async (app) => (await app.unlocks.unlockLog.head()).checkpoint.trimEnd()),
  },
  'accept-loss': acceptLoss,
}

/** Verifies the unlock log, also while the service runs, and exports it for others to verify. */
export const log: Command = {
  summary: 'verify the unlock log, or export it for others to verify',
  actions: ACTIONS,
  examples: {
    'keep a checkpoint': 'secure-lock-server log checkpoint > kept-checkpoint',
    'prove that today’s log extends it':
      'secure-lock-server log verify --checkpoint kept-checkpoint',
    'export the log, with everything that proves it':
      'secure-lock-server log export --out evidence',
    'verify what was exported': 'secure-lock-server log verify --bundle evidence',
    'continue the log after an older database was put back, if the newer one is lost':
      'secure-lock-server log accept-loss',
  },
  exitStatus: { 1: 'the log, bundle or receipt is broken, or could not be read' },
  run: runAction('log', ACTIONS),
}
