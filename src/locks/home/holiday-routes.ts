import { isNewcomer } from '../../domain/account.ts'
import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import {
  DATES,
  HOLIDAYS_MAX,
  type Holidays,
  NO_SUCH_HOLIDAY,
  TOO_MANY_HOLIDAYS,
} from './holidays.ts'
import {
  HOLIDAY_EXAMPLE,
  HolidayAnswer,
  HolidayBody,
  HolidayParams,
  HolidaysAnswer,
} from './schema.ts'

type Dependencies = { readonly holidays: Holidays }

/** The holidays of the home. */
export const holidayRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  put(deps),
  remove(deps),
]

const NO_SUCH_DATE = problem(400, 'invalid', `Invalid date: ${DATES}`)

const list = ({ holidays }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/holidays',
      access: 'member',
      tag: 'Locks',
      operationId: 'listHolidays',
      summary: 'List the holidays of the home',
      description: `Up to ${HOLIDAYS_MAX} dates, the earliest first. Who waits to be let in sees none.`,
      answers: {
        200: {
          description: 'All holidays',
          schema: HolidaysAnswer,
          example: { holidays: [HOLIDAY_EXAMPLE] },
        },
      },
    },
    async ({ account }) => ({ holidays: isNewcomer(account) ? [] : [...(await holidays.all())] }),
  )

const put = ({ holidays }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: '/v1/holidays/:date',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'putHoliday',
      summary: 'Add or rename a holiday',
      description:
        'What grants do on holidays, each of them says itself. It holds for times that begin on that ' +
        'date in the zone of the home; a night that began before goes on.',
      params: HolidayParams,
      body: HolidayBody,
      answers: {
        200: { description: 'The holiday', schema: HolidayAnswer, example: HOLIDAY_EXAMPLE },
        400: [NO_SUCH_DATE, invalid(HolidayBody, 'name')],
        409: problem(409, 'too_many_holidays', TOO_MANY_HOLIDAYS),
      },
    },
    ({ caller, params, body }) => holidays.put(caller, { date: params.date, name: body.name }),
  )

const remove = ({ holidays }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/holidays/:date',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'removeHoliday',
      summary: 'Remove a holiday',
      params: HolidayParams,
      answers: {
        200: message('The date is an ordinary day', 'Holiday removed'),
        400: NO_SUCH_DATE,
        404: problem(404, 'not_found', NO_SUCH_HOLIDAY),
      },
    },
    async ({ caller, params }) => {
      await holidays.remove(caller, params.date)
      return { msg: 'Holiday removed' }
    },
  )
