import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { yieldToEventLoop } from '../../domain/event-loop.ts'
import { shownLines } from '../../domain/text/shown-text.ts'
import { textLine } from './text-line.ts'

export type Logger = PinoLogger

type LogOptions = {
  readonly level: string
  readonly format: 'json' | 'text'
  /** Whether text may be coloured. */
  readonly isColoured?: boolean
  /** Receives complete lines; standard output by default. */
  readonly write?: (line: string) => void
}

/** Returns the log of the process: one entry a line, JSON or text, with deceiving signs escaped. JSON may
 * contain the escapes of `shownLines`, but pino escapes less. */
export const processLogger = ({ level, format, isColoured = false, write }: LogOptions): Logger => {
  const formatted = format === 'json' ? shownLines : textLines(isColoured)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // No further members: those of some errors contain what was sent.
      serializers: { err: ({ name, message, stack }: Error) => ({ name, message, stack }) },
      formatters: { level: (label) => ({ level: label }) },
    },
    entries(formatted, write ?? standardOutput()),
  )
}

/** The message of the entry that each request leaves. */
const REQUEST = 'request'

/** What the log says about a request. */
type RequestFields = Readonly<Record<string, string | number | undefined>>

/** Logs a request: an entry like any other at its level, but with one call of JSON.stringify, where pino
 * calls it once for each member. */
export const logRequest = (
  logger: Logger,
  level: 'debug' | 'info',
  fields: RequestFields,
): void => {
  // Checked each time, because a signal changes the level.
  if (!logger.isLevelEnabled(level)) return
  const { [pino.symbols.streamSym]: stream } = logger as unknown as { [stream: symbol]: Entries }
  if (!stream) return
  stream.lastMsg = REQUEST
  const entry = { level, time: new Date().toISOString(), ...fields, msg: REQUEST }
  stream.write(`${JSON.stringify(entry)}\n`)
}

/** Writes a line. With `mayWait`, it may be written after the answer that it is about. */
type Write = (line: string, mayWait: boolean) => void

/** How many bytes of lines are kept for a slow reader. Beyond that, lines are dropped: a log that nobody
 * reads, or that has no room, must not stop the door. */
const WAITING_BYTES_MAX = 1024 ** 2

/** Characters written together: a pipe takes them at once. */
const TOGETHER_MAX = 16 * 1024

/** Returns a function that writes to standard output. Lines that may wait are written together, at the end of
 * the turn of the event loop or of the process, because each write is expensive, however short. */
const standardOutput = (): Write => {
  const { stdout } = process
  stdout.on('error', () => {})
  let lines = ''
  const flush = (): void => {
    if (lines !== '' && stdout.writableLength < WAITING_BYTES_MAX) stdout.write(lines)
    lines = ''
  }
  process.on('exit', flush)
  return (line, mayWait) => {
    if (mayWait && lines === '') setImmediate(flush)
    lines += line
    if (!mayWait || lines.length > TOGETHER_MAX) flush()
  }
}

/** Resolves when standard output has taken the lines so far, or after half a second if it does not. */
export const logWritten = async (): Promise<void> => {
  await yieldToEventLoop()
  const written = new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  await Promise.race([written, Bun.sleep(500)])
}

type Entries = DestinationStream & {
  /** The message of the entry that is being written. */
  lastMsg: string
}

/** Returns a stream that writes entries as lines. */
const entries = (formatted: (entry: string) => string, write: Write): Entries => {
  const stream = {
    // Lets pino set `lastMsg`.
    [pino.symbols.needsMetadataGsym]: true,
    lastMsg: '',
    write: (entry: string) => write(formatted(entry), stream.lastMsg === REQUEST),
  }
  return stream
}

const textLines =
  (isColoured: boolean) =>
  (entry: string): string =>
    textLine(JSON.parse(entry) as Record<string, unknown>, isColoured)

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Switches between the level of the settings and `debug`, or `info` if the setting is `debug`. Returns
 * the level before and after. */
export const switchLevel = (logger: Logger, setting: LogLevel): { from: string; to: string } => {
  const from = logger.level
  const other = setting === 'debug' ? 'info' : 'debug'
  logger.level = from === setting ? other : setting
  return { from, to: logger.level }
}
