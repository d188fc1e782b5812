import type { Queries } from '../../storage/database.ts'
import type { Home } from '../rules/grant.ts'
import { holidaysIn } from './holiday-store.ts'

/** Returns what the hours of grants currently depend on. */
export type ReadHome = (queries: Queries) => Promise<Home>

export const homeReader = (zone: () => string): ReadHome => {
  let known: string | undefined
  return async (queries) => {
    const holidays = await holidaysIn(queries).all()
    return {
      zone: (known ??= zone()),
      holidays: new Map(holidays.map(({ date, name }) => [date, name])),
    }
  }
}
