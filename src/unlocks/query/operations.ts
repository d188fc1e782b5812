import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { HEARTBEAT_SECONDS, STREAMS_PER_ACCOUNT_MAX } from './event-stream.ts'
import {
  ExportQuery,
  ListAnswer,
  ListQuery,
  StatsAnswer,
  StatsQuery,
  StreamHeaders,
  StreamQuery,
} from './schema.ts'

export const STATS_DAYS_MAX = 400

/** Methods and accounts told by name, those with the most unlocks. */
export const STATS_NAMES_MAX = 100

export const EVENT_EXAMPLE = {
  seq: 41,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  username: 'ada',
  lock: 'front-door',
  method: 'fingerprint',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurred_at: null,
  received_at: '2026-11-22T18:30:02.125Z',
  delay_ms: null,
  late: false,
  time_uncertain: false,
}

const OWN = 'Members see their own, admins and owners all. '

const ORDER =
  'The order is that of the sequence numbers, never that of a clock. `from` and `to` part it by the ' +
  'times that were not doubted; an unlock whose time was (`time_uncertain`) is there where it may ' +
  'have been received then, by the unlocks before and after it. Unlocks imported from an older ' +
  'server stand where they were imported, and are parted by `occurred_at`. '

const REFUSED = {
  400: problem(400, 'invalid', 'Invalid from'),
  404: problem(404, 'not_found', 'No such account'),
}

export const LIST = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'Who opened the door',
  description:
    `${OWN}${ORDER}A page may hold fewer than \`limit\`, even none, and still have a \`next\`: where no ` +
    'index answers the filter (a text, or several conditions at once), one request goes through ' +
    '20,000 events at the most. `next` also comes as `Link` (RFC 8288) and holds for the same ' +
    'filter and order. What was erased is null.',
  query: ListQuery,
  answers: {
    200: {
      description: 'A page, newest first unless asked otherwise',
      schema: ListAnswer,
      example: { unlocks: [EVENT_EXAMPLE], next: 'bmV3ZXN0LjQxLnhxN0xkMTJhYkNkRQ' },
    },
    ...REFUSED,
  },
})

export const EXPORT = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'All unlocks of a filter as a file',
  description:
    `${OWN}${ORDER}Oldest first, however many, up to the newest at the time of asking. CSV is RFC 4180 with ` +
    'a heading; text that a spreadsheet would take for a formula, or that begins with an ' +
    'apostrophe, gets an apostrophe in front.',
  query: ExportQuery,
  answers: {
    200: [
      { description: 'CSV', contentType: 'text/csv' },
      { description: 'or one JSON object a line', contentType: 'application/x-ndjson' },
    ],
    ...REFUSED,
  },
})

export const STREAM = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'Unlocks as they happen',
  description:
    `${OWN}Server-sent events: \`id\` is the sequence number, \`event\` is \`unlock\`, \`data\` an ` +
    'unlock as JSON. Without `Last-Event-ID` only new ones are sent, with it all behind that one; ' +
    'never those that were imported from a legacy server. ' +
    `A comment comes after ${HEARTBEAT_SECONDS} silent seconds. The stream ends with the session or ` +
    'a change of role, and for a reader that takes nothing for three such comments.',
  query: StreamQuery,
  headers: StreamHeaders,
  answers: {
    200: { description: 'A stream without an end', contentType: 'text/event-stream' },
    ...REFUSED,
    429: problem(429, 'rate_limited', `More than ${STREAMS_PER_ACCOUNT_MAX} streams; end one`),
    503: problem(503, 'unavailable', 'Too many streams, try again'),
  },
})

export const STATS = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'How often the door was opened',
  description:
    `${OWN}Counts by the days and hours of a time zone, and by method and account, of the last 30 ` +
    `days unless asked otherwise, ${STATS_DAYS_MAX} days at the most, whether a time was doubted or not; imported unlocks by \`occurred_at\`. The ${STATS_NAMES_MAX} methods ` +
    'and accounts with the most are named; what was erased is null.',
  query: StatsQuery,
  answers: {
    200: {
      description: 'Counts',
      schema: StatsAnswer,
      example: {
        zone: 'Europe/Berlin',
        from: '2026-11-21T23:00:00.000Z',
        to: '2026-11-22T23:00:00.000Z',
        total: 1,
        days: [{ day: '2026-11-22', count: 1 }],
        hours: Array.from({ length: 24 }, (_, hour) => Number(hour === 19)),
        methods: [{ method: 'fingerprint', count: 1 }],
        accounts: [{ account: EVENT_EXAMPLE.account, username: 'ada', count: 1 }],
      },
    },
    400: problem(400, 'invalid', 'Unknown zone; name one of the IANA time zone database'),
  },
})
