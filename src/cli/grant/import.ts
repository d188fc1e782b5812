import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import type { App } from '../../app.ts'
import { homeZone } from '../../config/home-zone.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { checkFields } from '../../http/request/json-body.ts'
import { requestOf } from '../../locks/grants/routes.ts'
import { GrantBody } from '../../locks/grants/schema.ts'
import { localTimeIn } from '../../locks/rules/explain.ts'
import { fileFault } from '../../storage/files/private-files.ts'
import { type Action, type Command, type Options, UsageError } from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { requireDatabase, withLocks } from '../command/with-app.ts'
import { byOptions } from './by-options.ts'
import { CALENDAR_CHARACTERS_MAX, type Step, bookingPlan, calendarPrefix } from './booking-plan.ts'
import type { Booking } from './bookings.ts'

const IMPORT = {
  lock: {
    type: 'string',
    multiple: true,
    value: 'LABEL',
    required: true,
    summary: 'label of a lock that the guests may open, or all; repeatable',
  },
  label: {
    type: 'string',
    default: '{{summary}}',
    value: 'TEXT',
    summary: 'what to call the guests; may contain {{summary}}, {{start}} and {{end}}',
  },
  from: {
    type: 'string',
    default: '15:00',
    value: 'HH:MM',
    summary: 'when guests arrive, if a booking has days only',
  },
  until: { type: 'string', default: '11:00', value: 'HH:MM', summary: 'when they leave' },
  only: {
    type: 'string',
    value: 'TEXT',
    summary: 'only bookings whose summary contains this, such as Reserved',
  },
  calendar: {
    type: 'string',
    value: 'NAME',
    summary:
      'the name of the calendar, which tells it from others; by default, the one in the file, or the file name',
  },
  devices: {
    type: 'string',
    default: '2',
    value: 'COUNT',
    summary: 'how many phones each guest may use',
  },
  'dry-run': {
    type: 'boolean',
    default: false,
    summary: 'show what would change, and change nothing',
  },
  json: { type: 'boolean', default: false, summary: 'one JSON object per line' },
} as const satisfies Options

const run: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: IMPORT,
  })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0 || values.lock === undefined)
    throw new UsageError('grant import needs one FILE and --lock')
  const config = commandConfig(terminal)
  requireDatabase(config)
  const zone = homeZone(config)
  // Loaded only here, since it brings a library.
  const { bookingsFrom } = await import('./bookings.ts')
  const found = bookingsFrom(textIn(file), {
    zone,
    arrival: timeOfDay('--from', values.from),
    departure: timeOfDay('--until', values.until),
  })
  const calendar = (values.calendar ?? found.calendar ?? basename(file)).trim()
  if (calendar === '' || calendar.length > CALENDAR_CHARACTERS_MAX)
    throw new UsageError(`--calendar must have up to ${CALENDAR_CHARACTERS_MAX} characters`)
  const bookings = found.bookings.filter(isAbout(values.only))
  const locks = values.lock.includes('all') ? 'all' : values.lock
  const labelOf = labels(values.label, zone)
  return withLocks(config, async (app) => {
    const wish = (booking: Booking, key?: string) =>
      checkFields(
        {
          ...(key === undefined ? {} : { key }),
          holder: { pass: { label: labelOf(booking), devices_max: Number(values.devices) } },
          locks,
          starts_at: new Date(booking.startMs).toISOString(),
          ends_at: new Date(booking.endMs).toISOString(),
        },
        GrantBody,
      )
    const { grants } = app.locks
    const known = await grants.withKeys(calendarPrefix(calendar))
    const plan = bookingPlan(bookings, { calendar, known, locks, nowMs: Date.now() })
    // All are checked before the first is made, so that a mistake changes nothing.
    await byOptions(async () => {
      for (const step of plan)
        if ('booking' in step) await grants.preview(COMMAND_LINE, requestOf(wish(step.booking)))
    })
    const counts = { make: 0, change: 0, revoke: 0, keep: 0, skip: 0, leave: 0 }
    for (const step of plan) {
      const link = values['dry-run'] ? undefined : await take(app, step, wish)
      counts[step.does] += 1
      const line = values.json ? jsonLine(step, labelOf, link) : wordLine(step, labelOf, zone, link)
      if (line !== undefined) terminal.print(line)
    }
    const { make, change, revoke, keep, skip, leave } = counts
    terminal.say(
      `Calendar ${calendar}: ${values['dry-run'] ? 'would make' : 'made'} ${make}, changed ${change}, revoked ${revoke}; ${keep} unchanged, ${skip} over or cancelled, ${leave} revoked before`,
    )
  })
}

/** Does one step. Returns the link of a new pass. */
const take = async (
  { locks: { grants } }: App,
  step: Step,
  wish: (booking: Booking, key?: string) => Parameters<typeof requestOf>[0],
): Promise<string | undefined> => {
  if (step.does === 'make')
    return (await grants.make(COMMAND_LINE, requestOf(wish(step.booking, step.key)))).link
  if (step.does === 'revoke') await grants.revoke(COMMAND_LINE, step.grant.id, step.why)
  if (step.does === 'change') {
    const { id, version } = step.grant
    const { locks, starts_at, ends_at } = wish(step.booking)
    await grants.change(COMMAND_LINE, {
      id,
      version,
      patch: { locks, asked: { starts_at, ends_at } },
    })
  }
  return undefined
}

const CALENDAR_BYTES_MAX = 1_000_000

const textIn = (file: string): string => {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new AppError('unavailable', `Cannot read ${file}: ${fileFault(error)}`)
  }
  if (bytes.length > CALENDAR_BYTES_MAX)
    throw new AppError('invalid', `${file} is larger than ${CALENDAR_BYTES_MAX / 1e6} MB`)
  return bytes.toString('utf8')
}

const timeOfDay = (option: string, text: string): string => {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(text))
    throw new UsageError(`${option} must look like 15:00`)
  return text
}

const isAbout = (only: string | undefined) => {
  const wanted = only?.toLowerCase() ?? ''
  return ({ summary }: Booking): boolean => summary.toLowerCase().includes(wanted)
}

const LABEL_CHARACTERS_MAX = 64

/** Returns what to call the guests of a booking. */
const labels =
  (template: string, zone: string) =>
  ({ summary, startMs, endMs }: Booking): string => {
    const day = (ms: number) => localTimeIn(zone, ms).slice(0, 10)
    const text = template
      .replaceAll('{{start}}', day(startMs))
      .replaceAll('{{end}}', day(endMs))
      .replaceAll('{{summary}}', () => summary)
    const label = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
    return Array.from(label || 'Guest')
      .slice(0, LABEL_CHARACTERS_MAX)
      .join('')
  }

type LabelOf = ReturnType<typeof labels>

const WORDS = { make: 'Made   ', change: 'Changed', revoke: 'Revoked' } as const

const wordLine = (
  step: Step,
  labelOf: LabelOf,
  zone: string,
  link: string | undefined,
): string | undefined => {
  if (!('booking' in step) && !('grant' in step)) return undefined
  const told = toldOf(step, labelOf)
  const time = (ms: number | null) => (ms === null ? '' : localTimeIn(zone, ms).replace('T', ' '))
  return [
    WORDS[step.does],
    `${time(told.startMs)} to ${time(told.endMs)}`,
    told.label,
    ...(link === undefined ? [] : [link]),
  ].join('  ')
}

const jsonLine = (step: Step, labelOf: LabelOf, link: string | undefined): string | undefined => {
  if (!('booking' in step) && !('grant' in step)) return undefined
  const { key, label, startMs, endMs } = toldOf(step, labelOf)
  const time = (ms: number | null) => ms && new Date(ms).toISOString()
  return JSON.stringify({
    does: step.does,
    key,
    label,
    starts_at: time(startMs),
    ends_at: time(endMs),
    ...(link === undefined ? {} : { link }),
  })
}

type Told = Exclude<Step, { readonly does: 'keep' | 'skip' | 'leave' }>

const toldOf = (step: Told, labelOf: LabelOf) => {
  const grant = 'grant' in step ? step.grant : undefined
  const booking = 'booking' in step ? step.booking : undefined
  return {
    key: 'key' in step ? step.key : (grant?.key ?? null),
    label: grant?.pass?.label ?? (booking ? labelOf(booking) : ''),
    startMs: booking ? booking.startMs : (grant?.startsAtMs ?? null),
    endMs: booking ? booking.endMs : (grant?.endsAtMs ?? null),
  }
}

export const importBookings: Action = {
  summary: 'create a pass for each booking in a calendar file (iCalendar, .ics); safe to run again',
  options: IMPORT,
  operands: ['FILE'],
  run,
}
