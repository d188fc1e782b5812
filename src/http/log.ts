import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

type LogOptions = {
  readonly level: string
  readonly format: 'json' | 'text'
  /** Takes whole lines; standard output unless a test collects them. */
  readonly write?: (line: string) => void
}

/** Gives the process log: one record a line, JSON or text, with control characters escaped. */
export const logger = ({ level, format, write }: LogOptions): Log => {
  const out = write ? { write } : pino.destination({ dest: 1, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? out : textStream(out),
  )
}

const textStream = (out: DestinationStream): DestinationStream => ({
  write: (line) => out.write(textLine(JSON.parse(line) as Record<string, unknown>)),
})

const textLine = ({ time, level, msg, ...fields }: Record<string, unknown>): string => {
  const details = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  return `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${details.join('')}\n`
}
