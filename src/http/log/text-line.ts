import { localTime } from '../../domain/text/local-time.ts'
import { shownText } from '../../domain/text/shown-text.ts'

type Fields = Readonly<Record<string, unknown>>

/** Formats a log entry as one short line for a person, in local time: requests in columns, ids shortened
 * to their first eight characters, by which `grep` finds them. No field can end the line or send control
 * characters to the terminal. */
export const textLine = (entry: Fields, isColoured: boolean): string => {
  const { time, level, msg, ...fields } = entry
  const paint = isColoured ? coloured : plain
  const name = String(level)
  const columns = [
    `${paint('dim', localTime(new Date(String(time))))} ${paint(LEVEL_COLOURS[name] ?? 'none', name.padEnd(5))}`,
    ...columnsOf(String(msg), fields, paint),
  ]
  return `${columns.filter((column) => column !== '').join('  ')}\n`
}

const columnsOf = (msg: string, fields: Fields, paint: Paint): readonly string[] => {
  switch (msg) {
    case 'request':
      return requestColumns(fields, paint)
    case 'audit event':
      return eventColumns(fields, paint)
    default:
      return [shownText(msg), ...pairs(fields, paint)]
  }
}

const ROUTE_COLUMNS = 26

/** `200 POST    /logUnlocking                   0.8 ms  192.168.1.34  by 6f1b4e0a  4f0f0a3e` */
const requestColumns = (
  { status, method, route, duration_ms: ms, client, account, request_id: id, ...rest }: Fields,
  paint: Paint,
): readonly string[] => [
  [
    paint(statusColour(Number(status)), safe(status)),
    safe(method).padEnd(7),
    safe(route).padEnd(ROUTE_COLUMNS),
    `${Number(ms).toFixed(1)} ms`.padStart(10),
  ].join(' '),
  safe(client ?? '-'),
  word('by', account, paint),
  ...pairs(rest, paint),
  paint('dim', short(id)),
]

/** `login failure  at 192.168.1.66  reason=otp_invalid  1cfd0b57` */
const eventColumns = (
  { action, result, actor, subject, client, request_id: id, detail, ...rest }: Fields,
  paint: Paint,
): readonly string[] => [
  `${safe(action)} ${safe(result)}`,
  word('of', subject, paint),
  word('by', actor, paint),
  word('at', client, paint),
  ...pairs({ ...(detail as Fields | undefined), ...rest }, paint),
  id === undefined ? '' : paint('dim', short(id)),
]

const word = (name: string, value: unknown, paint: Paint): string =>
  value === undefined ? '' : `${paint('dim', name)} ${shown(name, value)}`

const pairs = (fields: Fields, paint: Paint): readonly string[] =>
  Object.entries(fields).map(
    ([name, value]) => `${paint('dim', `${shownText(name)}=`)}${shown(name, value)}`,
  )

const shown = (name: string, value: unknown): string => {
  if (name === 'err' && typeof value === 'object' && value !== null) return errorLine(value)
  if (typeof value === 'object') return safe(JSON.stringify(value))
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000)
  return typeof value === 'string' && UUID.test(value) ? short(value) : safe(value)
}

type LoggedError = { readonly name?: string; readonly message?: string; readonly stack?: string }

/** Formats an error on one line: its message, and the calls that led there, innermost first. */
const errorLine = ({ name, message, stack = '' }: LoggedError): string => {
  const calls = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return [`${safe(name)}: ${safe(message)}`, ...calls.map((call) => shownText(call.trim()))].join(
    ' < ',
  )
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

const short = (id: unknown): string => safe(id).slice(0, 8)

/** Returns a value as it is if it cannot be misread, otherwise in quotation marks. */
const safe = (value: unknown): string => {
  const text = String(value)
  return shownText(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text))
}

type Paint = (colour: keyof typeof SEQUENCES, text: string) => string

const plain: Paint = (_, text) => text

const coloured: Paint = (colour, text) => {
  const sequence = SEQUENCES[colour]
  return sequence === '' ? text : `\u001b[${sequence}m${text}\u001b[0m`
}

/** Select Graphic Rendition (ECMA-48). */
const SEQUENCES = { none: '', dim: '2', red: '31', green: '32', yellow: '33' } as const

const LEVEL_COLOURS: Readonly<Record<string, keyof typeof SEQUENCES>> = {
  debug: 'dim',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
}

const statusColour = (status: number): keyof typeof SEQUENCES =>
  status < 400 ? 'green' : status < 500 ? 'yellow' : 'red'
