import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { shownLines } from '../../domain/shown-text.ts'
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

/** Returns the log of the process: one entry a line, JSON or text, with deceiving signs
 * escaped. */
export const processLogger = ({ level, format, isColoured = false, write }: LogOptions): Logger => {
  const out = write ? { write } : standardOutput()
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // No further members: those of some errors contain what was sent.
      serializers: { err: ({ name, message, stack }: Error) => ({ name, message, stack }) },
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? jsonStream(out) : textStream(out, isColoured),
  )
}

/** How many bytes of lines are kept for a slow reader. Beyond that, lines are dropped: a log that nobody
 * reads, or that has no room, must not stop the door. */
const WAITING_BYTES_MAX = 1024 ** 2

const standardOutput = (): DestinationStream => {
  const { stdout } = process
  stdout.on('error', () => {})
  return {
    write: (line) => {
      if (stdout.writableLength < WAITING_BYTES_MAX) stdout.write(line)
    },
  }
}

/** Resolves when standard output has taken the lines so far, or after half a second if it does not. */
export const logWritten = (): Promise<void> =>
  Promise.race([
    new Promise<void>((written) => process.stdout.write('', () => written())),
    Bun.sleep(500),
  ])

/** JSON may contain the escapes of `shownLines`, but pino escapes less. */
const jsonStream = (out: DestinationStream): DestinationStream => ({
  write: (line) => out.write(shownLines(line)),
})

const textStream = (out: DestinationStream, isColoured: boolean): DestinationStream => ({
  write: (line) => out.write(textLine(JSON.parse(line) as Record<string, unknown>, isColoured)),
})

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Switches between the level of the settings and `debug`, or `info` if the setting is `debug`. Returns
 * the level before and after. */
export const switchLevel = (logger: Logger, setting: LogLevel): { from: string; to: string } => {
  const from = logger.level
  const other = setting === 'debug' ? 'info' : 'debug'
  logger.level = from === setting ? other : setting
  return { from, to: logger.level }
}
