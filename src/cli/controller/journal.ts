import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ClaimsOf, ReportResult } from '../../domain/statement/claims.ts'
import {
  NO_PREVIOUS,
  openStatement,
  payloadHash,
  signStatement,
} from '../../domain/statement/statement.ts'
import { AppError } from '../../errors.ts'
import {
  fileFault,
  makePrivateFile,
  readPrivateFile,
  replacePrivateFile,
  syncPath,
} from '../../storage/files/private-files.ts'
import type { ControllerKey } from './state.ts'

/** What happened, without what the chain adds. */
export type Event = {
  readonly result: ReportResult
  /** Without one, nobody asked. */
  readonly attempt?: string | undefined
}

type Report = Event & { readonly counter: number; readonly statement: Uint8Array }

/** A run of counters, both ends included. */
export type Run = readonly [first: number, last: number]

export type Journal = Awaited<ReturnType<typeof openJournal>>

type Dependencies = {
  readonly folder: string
  readonly key: ControllerKey
  /** What the reports say of the lock. */
  readonly lock: string
  /** The time of day, and whether it may be wrong. */
  readonly now: () => { readonly issuedAtS: number; readonly clockUnsure: boolean }
}

const REPORTS_FILE = 'reports'
const SENT_FILE = 'sent'

/** Older reports are given up, whether the gateway has them or not. */
const KEPT = 1000

/** The number of reports at which the file is rewritten. */
const LINES_MAX = 2 * KEPT

/** The signed reports of a controller, in a file with a line of Base64 for each. Each report names its predecessor's
 * hash, and is on disk before `append` resolves. Throws `unavailable` if the file cannot be used or read. */
export const openJournal = async ({ folder, key, lock, now }: Dependencies) => {
  const path = join(folder, REPORTS_FILE)
  const sentPath = join(folder, SENT_FILE)
  makePrivateFile(path)
  syncPath(folder)
  let reports = await readReports(path, key.publicKey)
  const last = reports.at(-1)
  let head = {
    counter: last?.counter ?? 0,
    hash: last ? await payloadHash(last.statement) : NO_PREVIOUS,
  }
  let sent = Number(readPrivateFile(sentPath) ?? 0)
  let turn: Promise<unknown> = Promise.resolve()

  const write = async (events: readonly Event[]): Promise<void> => {
    const added: Report[] = []
    let { counter, hash } = head
    for (const { result, attempt } of events) {
      counter += 1
      const statement = await signStatement(
        { kind: 'report', lock, counter, previous: hash, result, attempt, ...now() },
        key.sign,
      )
      added.push({ result, attempt, counter, statement })
      hash = await payloadHash(statement)
    }
    try {
      appendSynced(path, linesOf(added))
    } catch (error) {
      const fault = `Cannot write ${path}: ${fileFault(error)}`
      throw new AppError('unavailable', fault, { cause: error })
    }
    // Only now: a report that is not on disk never was.
    head = { counter, hash }
    reports.push(...added)
    if (reports.length < LINES_MAX) return
    reports = reports.slice(-KEPT)
    replacePrivateFile(path, linesOf(reports))
  }

  return {
    /** Signs what happened and writes it to disk. Rejects with `unavailable`; then nothing was added. */
    append: (events: readonly Event[]): Promise<void> => {
      const written = turn.then(() => write(events))
      turn = written.catch(() => {})
      return written
    },

    /** Returns the oldest reports that the gateway has not acknowledged. */
    unsent: (count: number): readonly Report[] =>
      reports
        .slice(-KEPT)
        .filter(({ counter }) => counter > sent)
        .slice(0, count),

    /** Returns the oldest reports of these runs that are still here. */
    within: (runs: readonly Run[], count: number): readonly Report[] =>
      reports
        .filter(({ counter }) => runs.some(([from, to]) => counter >= from && counter <= to))
        .slice(0, count),

    /** Stores that the gateway has the reports up to a counter. */
    markSent: (counter: number): void => {
      if (counter <= sent) return
      sent = counter
      replacePrivateFile(sentPath, `${counter}\n`)
    },

    /** True if a report is about this attempt. */
    knows: (attempt: string): boolean => reports.some((report) => report.attempt === attempt),

    /** Returns the attempts whose opening has begun, and of which no result is known. */
    unfinished: (): readonly string[] => {
      const open = new Set<string>()
      for (const { result, attempt } of reports)
        if (attempt !== undefined)
          if (result === 'opening') open.add(attempt)
          else open.delete(attempt)
      return [...open]
    },
  }
}

const linesOf = (reports: readonly Report[]): string =>
  reports.map(({ statement }) => `${statement.toBase64()}\n`).join('')

/** Reads the reports after the last gap or damaged line, so that they form a chain to the newest one. */
const readReports = async (path: string, publicKey: Uint8Array): Promise<Report[]> => {
  const lines = wholeLines(path)
  const reports: Report[] = []
  let isWhole = true
  for (const line of lines) {
    const report = await reportOf(line, publicKey)
    isWhole = report !== undefined
    if (report?.counter !== (reports.at(-1)?.counter ?? 0) + 1) reports.length = 0
    if (report) reports.push(report)
  }
  if (!isWhole)
    throw new AppError(
      'unavailable',
      `${path} is damaged: remove the state folder, and enrol the controller again`,
    )
  return reports
}

const reportOf = async (line: string, publicKey: Uint8Array): Promise<Report | undefined> => {
  const statement = new Uint8Array(Buffer.from(line, 'base64'))
  const claims: ClaimsOf<'report'> | undefined = await openStatement('report', statement, publicKey)
  return claims && { ...claims, statement }
}

/** Reads the lines of a file. A last line without an end was being written at a power cut: nothing followed from it, and
 * it is removed. */
const wholeLines = (path: string): readonly string[] => {
  const content = readFileSync(path, 'latin1')
  const wholeBytes = content.lastIndexOf('\n') + 1
  if (wholeBytes < content.length) truncate(path, wholeBytes)
  return content.slice(0, wholeBytes).split('\n').slice(0, -1)
}

const truncate = (path: string, bytes: number): void =>
  withFile(path, 'r+', (file) => {
    ftruncateSync(file, bytes)
    fdatasyncSync(file)
  })

const appendSynced = (path: string, lines: string): void =>
  withFile(path, 'r+', (file) => {
    const before = fstatSync(file).size
    try {
      const bytes = Buffer.from(lines)
      if (writeSync(file, bytes, 0, bytes.length, before) !== bytes.length)
        throw new Error('the disk took only a part of it')
      fdatasyncSync(file)
    } catch (error) {
      ftruncateSync(file, before)
      throw error
    }
  })

const withFile = (path: string, flags: string, work: (file: number) => void): void => {
  const file = openSync(path, flags)
  try {
    work(file)
  } finally {
    closeSync(file)
  }
}
