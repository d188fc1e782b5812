import { type Static, Type as t } from '@sinclair/typebox'
import { accepting } from '../../http/request/accepted.ts'
import { Next, PAGE } from '../../http/request/paging.ts'
import { GivenUuid, Time, oneOf, text } from '../../http/request/text.ts'
import { RESULTS, SOURCES } from '../log/event.ts'
import { ORDERS } from '../search/order.ts'
import { EventAnswer, Lock, Method } from '../log/schema.ts'

const { default: _noDefault, ...AnyLock } = Lock

const Unit = text({
  min: 1,
  max: 80,
  description:
    'The unit (flat, room or house) that the account belongs to now, in upper or lower case',
  examples: ['Flat 3'],
})

const FILTER = {
  account: t.Optional({ ...GivenUuid, description: 'Public id; members may only name their own' }),
  lock: t.Optional(AnyLock),
  method: t.Optional({
    ...Method,
    description: 'The method; case and composition do not matter',
  }),
  result: t.Optional(oneOf(RESULTS)),
  source: t.Optional({ ...oneOf(SOURCES), description: 'Who says so' }),
  logins: t.Optional({
    ...oneOf(['1', '0']),
    default: '1',
    description:
      '`0` leaves out refused logins (`too_many_attempts`): somebody guessed at the password, and ' +
      'nobody was at the door',
  }),
  text: t.Optional(
    text({
      min: 1,
      max: 80,
      description:
        'Part of the user name, the method or the lock, whose hyphens may be spaces; case and ' +
        'composition do not matter',
      examples: ['finger'],
    }),
  ),
  unit: t.Optional(Unit),
}

/** By when unlocks happened. */
const HAPPENED = {
  from: t.Optional({ ...Time, description: 'Happened at this time or later, RFC 3339' }),
  to: t.Optional({ ...Time, description: 'Happened before this time, RFC 3339' }),
}

export const ListQuery = t.Object({
  ...FILTER,
  ...HAPPENED,
  ...PAGE,
  order: t.Optional({
    ...oneOf(ORDERS),
    default: 'newest',
    description:
      '`newest` and `oldest`: by when unlocks happened; `seq` and `seq_desc`: by when they were ' +
      'received',
  }),
})

const FORMATS = ['csv', 'ndjson'] as const

export const ExportQuery = t.Object({
  format: oneOf(FORMATS),
  bom: t.Optional({
    ...oneOf(['1', '0']),
    default: '1',
    description:
      'CSV begins with a byte order mark, so that Excel reads it as UTF-8; `0` leaves it out',
  }),
  ...FILTER,
  ...HAPPENED,
})

export const StreamQuery = t.Object(FILTER)

export const StreamHeaders = t.Object({
  'last-event-id': t.Optional(
    t.String({
      pattern: String.raw`^\d{1,15}$`,
      description: 'The sequence number of the last unlock received: the stream continues after it',
      examples: ['41'],
      ...accepting('up to 15 digits'),
    }),
  ),
})

export const StatsQuery = t.Object({
  zone: t.Optional(
    t.String({
      pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
      default: 'UTC',
      description: 'A name in the IANA time zone database',
      examples: ['Europe/Berlin'],
      ...accepting('a name in the IANA time zone database'),
    }),
  ),
  unit: t.Optional(Unit),
  ...HAPPENED,
})

/** The search parameters that all queries share. */
export type Search = Partial<Static<typeof ListQuery>>

const Nullable = t.Union([t.String(), t.Null()])
const Count = t.Integer({ minimum: 0 })

export const ListAnswer = t.Object(
  {
    unlocks: t.Array(EventAnswer),
    next: Next,
  },
  { $id: 'UnlockPage', additionalProperties: false },
)

export const LabelsAnswer = t.Object(
  { locks: t.Array(t.String()), methods: t.Array(t.String()) },
  { $id: 'UnlockLabels', additionalProperties: false },
)

export const StatsAnswer = t.Object(
  {
    zone: t.String(),
    from: t.String({ format: 'date-time' }),
    to: t.String({ format: 'date-time' }),
    total: Count,
    days: t.Array(
      t.Object({ day: t.String({ format: 'date' }), count: Count }, { $id: 'DayCount' }),
    ),
    hours: t.Array(Count, { description: 'By hour of the local day, 0 to 23' }),
    methods: t.Array(t.Object({ method: Nullable, count: Count }, { $id: 'MethodCount' })),
    accounts: t.Array(
      t.Object({ account: Nullable, username: Nullable, count: Count }, { $id: 'AccountCount' }),
    ),
  },
  { $id: 'UnlockStatistics', additionalProperties: false },
)
