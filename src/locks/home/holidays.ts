import type { Actor } from '../../domain/audit-event.ts'
import { AppError } from '../../errors.ts'
import { notAccepted } from '../../http/request/accepted.ts'
import type { Database } from '../../storage/database.ts'
import type { Changes } from '../core/changes.ts'
import { shownName } from '../core/name.ts'
import { type Holiday, holidaysIn } from './holiday-store.ts'

export type Holidays = ReturnType<typeof holidayService>

type Dependencies = {
  readonly db: Pick<Database, 'all' | 'get' | 'run'>
  readonly changes: Changes
}

/** How many holidays a home may have. */
export const HOLIDAYS_MAX = 1000

const FIRST_YEAR = 2000
const LAST_YEAR = 2199

export const DATES = `a date from ${FIRST_YEAR} to ${LAST_YEAR}, such as 2026-12-25`

/** The rules of holidays: dates of the home on which grants may be closed or have other hours. */
export const holidayService = ({ db, changes }: Dependencies) => ({
  /** Returns all holidays, the earliest first. */
  all: (): Promise<readonly Holiday[]> => holidaysIn(db).all(),

  /** Adds a holiday or changes its name. Throws `invalid` for a date that does not exist and for an invisible
   * name, `conflict` if there is no room for another, and `forbidden`. */
  put: (by: Actor, { date, name }: Holiday): Promise<Holiday> =>
    changes.byAdmin(by, { action: CHANGE.action, subject: requireDate(date) }, async (tx) => {
      const holiday = { date, name: shownName(name) }
      const holidays = holidaysIn(tx)
      const current = await holidays.find(date)
      if (current?.name === holiday.name) return holiday
      if (!current && (await holidays.count()) >= HOLIDAYS_MAX) throw tooMany()
      await holidays.put(holiday)
      await changes.note(tx, by, { ...CHANGE, subject: date, body: holiday })
      return holiday
    }),

  /** Throws `not_found`, `invalid` for a date that does not exist, and `forbidden`. */
  remove: (by: Actor, date: string): Promise<void> =>
    changes.byAdmin(by, { action: CHANGE.action, subject: requireDate(date) }, async (tx) => {
      const holidays = holidaysIn(tx)
      if (!(await holidays.find(date))) throw new AppError('not_found', NO_SUCH_HOLIDAY)
      await holidays.remove(date)
      await changes.note(tx, by, { ...CHANGE, subject: date, body: { date, name: null } })
    }),
})

const CHANGE = { action: 'holiday.change', kind: 'holiday.changed', about: 'home' } as const

/** Returns a date that exists. Throws `invalid`, and `not_found` for what is no date at all. */
const requireDate = (date: string): string => {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) throw new AppError('not_found', NO_SUCH_HOLIDAY)
  if (!isReal(date)) throw notAccepted({ date: DATES })
  return date
}

const isReal = (date: string): boolean => {
  try {
    const { year } = Temporal.PlainDate.from(date)
    return year >= FIRST_YEAR && year <= LAST_YEAR
  } catch {
    return false
  }
}

export const NO_SUCH_HOLIDAY = 'There is no holiday on that date'

export const TOO_MANY_HOLIDAYS = `There are ${HOLIDAYS_MAX} holidays; remove old ones first`
const tooMany = (): AppError =>
  new AppError('conflict', TOO_MANY_HOLIDAYS, { reason: 'too_many_holidays' })
