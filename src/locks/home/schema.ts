import { type Static, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { accepting } from '../../http/request/accepted.ts'
import { optional } from '../../http/request/optional.ts'
import { LockLabel, Time, nullable, text } from '../../http/request/text.ts'
import type { Holiday } from './holiday-store.ts'
import type { Lockdown } from './lockdown-store.ts'

/** Locks in one request. */
const LOCKS_MAX = 100

export const LockdownBody = t.Object(
  {
    locks: optional(
      t.Array(LockLabel, {
        minItems: 1,
        maxItems: LOCKS_MAX,
        description: 'Labels of locks; if omitted, the whole home, including locks added later',
        examples: [[DEFAULT_LOCK]],
        ...accepting(`1 to ${LOCKS_MAX} labels of locks`),
      }),
    ),
    until: optional({
      ...Time,
      // In the future, so that trying the example works.
      examples: ['2040-12-24T18:00:00Z'],
      description: 'When it ends by itself; if omitted, somebody has to end it',
    }),
  },
  { $id: 'LockdownRequest' },
)

export const LockdownQuery = t.Object({
  lock: t.Optional({ ...LockLabel, description: 'The lock; if omitted, the home' }),
})

const Instant = t.String({ format: 'date-time', examples: ['2026-11-22T18:30:02.125Z'] })

export const LockdownAnswer = t.Object(
  {
    lockdowns: t.Array(
      t.Object(
        {
          lock: t.Union([t.String(), t.Null()], {
            description: 'Null for the whole home',
            examples: [DEFAULT_LOCK],
          }),
          began_at: Instant,
          began_by: t.Union([t.String(), t.Null()], {
            description:
              'The username of the person; null for the command line and for an erased account',
            examples: ['ada'],
          }),
          until: nullable(Instant),
          may_end: t.Boolean({ description: 'Whether you may end it now' }),
        },
        { $id: 'Lockdown', additionalProperties: false },
      ),
    ),
  },
  { $id: 'LockdownList', additionalProperties: false },
)

type InForce = Lockdown & { readonly mayEnd: boolean }

export const lockdownsJson = (lockdowns: readonly InForce[]): Static<typeof LockdownAnswer> => ({
  lockdowns: lockdowns.map(({ lock, begunAtMs, username, untilMs, mayEnd }) => ({
    lock,
    began_at: new Date(begunAtMs).toISOString(),
    began_by: username,
    until: untilMs === null ? null : new Date(untilMs).toISOString(),
    may_end: mayEnd,
  })),
})

export const LOCKDOWN_EXAMPLE = {
  lockdowns: [
    {
      lock: null,
      began_at: '2026-11-22T18:30:02.125Z',
      began_by: 'ada',
      until: '2026-11-22T22:00:00.000Z',
      may_end: true,
    },
  ],
}

const HolidayDate = t.String({ description: 'A date in the home’s zone', examples: ['2026-12-25'] })

const HolidayName = text({ min: 1, max: 100, examples: ['Christmas'] })

export const HolidayParams = t.Object({ date: HolidayDate })

export const HolidayBody = t.Object({ name: HolidayName }, { $id: 'HolidayRequest' })

export const HolidayAnswer = t.Object(
  { date: HolidayDate, name: t.String({ examples: ['Christmas'] }) },
  { $id: 'Holiday', additionalProperties: false },
)

export const HolidaysAnswer = t.Object(
  { holidays: t.Array(HolidayAnswer) },
  { $id: 'HolidayList', additionalProperties: false },
)

export const HOLIDAY_EXAMPLE = { date: '2026-12-25', name: 'Christmas' } satisfies Holiday
