import type { Static } from '@sinclair/typebox'
import { useLocation, useRoute } from 'preact-iso/router'
import { useRef } from 'preact/hooks'
import type { PeopleAnswer } from '../../../../accounts/people/schema.ts'
import type { LabelsAnswer } from '../../../../unlocks/query/schema.ts'
import { ApiError, api } from '../../api/client.ts'
import { type Pages, useLoad, usePages } from '../../api/load.ts'
import { useUnits } from '../../api/units.ts'
import { gateway, role } from '../../api/session.ts'
import { fieldErrorsOf } from '../../components/form/field-errors.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { List } from '../../components/list/list.tsx'
import { UnlockItem } from '../../components/list/unlock-row.tsx'
import { useListPosition } from '../../routing/list-position.ts'
import {
  FILTER_NAMES,
  type LogFilter,
  logAddress,
  logFilter,
  logQuery,
} from '../../routing/log-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { Day, homeDay } from '../../time/time.tsx'
import { errorMessage } from '../../words/error.ts'
import { withoutRepeats } from '../../words/repeats.ts'
import type { Unlock } from '../../words/unlock.ts'
import { LogExport } from './export.tsx'
import { ActiveFilters, type Choices, Filters, nameOf } from './filters.tsx'
import { UnlockPage } from './unlock-page.tsx'

const PAGE_ROWS = 50

/** Lists the unlocks, or shows one of them at an address below. The list stays loaded, so that it is
 * as before when somebody returns to it. */
export const LogPage = () => {
  const { id } = useRoute().params
  const { query } = useLocation()
  const shown = useRef<LogFilter>(logFilter({}))
  if (id === undefined) shown.current = logFilter(query)
  const filter = shown.current
  const zone = gateway.value?.zone ?? 'UTC'
  const pages = usePages<Unlock>(
    '/v1/unlocks',
    { ...logQuery(filter, zone), limit: PAGE_ROWS },
    'unlocks',
  )
  const rememberRow = useListPosition(id !== undefined)
  if (id !== undefined) return <UnlockPage id={id} back={logAddress(filter)} />
  return <Log filter={filter} pages={pages} onLeave={rememberRow} />
}

type Props = {
  readonly filter: LogFilter
  readonly pages: Pages<Unlock>
  readonly onLeave: (event: Event) => void
}

const Log = ({ filter, pages, onLeave }: Props) => {
  const isMember = !isAtLeast(role.value, 'admin')
  const choices = useChoices({ isMember, account: filter.account, rows: pages.rows ?? [] })
  const refusal = refusalOf(pages.error)
  return (
    <Screen title={isMember ? 'My unlocks' : 'Log'}>
      <Filters
        filter={filter}
        choices={choices}
        errors={fieldErrorsOf(refusal)}
        onRepeat={pages.reload}
      />
      <ActiveFilters filter={filter} choices={choices} />
      <LogExport filter={filter} />
      {refusal ? (
        <Refused error={refusal} />
      ) : (
        <div onClickCapture={onLeave}>
          <List
            label="Unlocks"
            pages={{ ...pages, rows: pages.rows && withoutRepeats(pages.rows) }}
            groups={BY_DAY}
            keyOf={({ seq }) => seq}
            row={(unlock) => <UnlockItem unlock={unlock} isUnderDay />}
            empty={<NoUnlocks filter={filter} choices={choices} isMember={isMember} />}
          />
        </div>
      )}
    </Screen>
  )
}

const BY_DAY = {
  of: (unlock: Unlock) => homeDay(unlock.happened_at),
  heading: (day: string) => <Day day={day} />,
}

/** The error of a filter that the API does not accept. */
const refusalOf = (error: unknown): ApiError | undefined =>
  error instanceof ApiError && [400, 404].includes(error.status) ? error : undefined

const Refused = ({ error }: { readonly error: ApiError }) => (
  <div class="empty" role="alert">
    {Object.keys(error.fields).length === 0 && <p>{errorMessage(error)}</p>}
    <p>
      Nothing is listed, because this filter is not valid. <ShowAll />
    </p>
  </div>
)

const ShowAll = () => <a href={logAddress({})}>Show all unlocks</a>

type NoUnlocksProps = {
  readonly filter: LogFilter
  readonly choices: Choices
  readonly isMember: boolean
}

/** Says why the list is empty. */
const NoUnlocks = ({ filter, choices, isMember }: NoUnlocksProps) => {
  const names = FILTER_NAMES.filter((name) => filter[name] !== '')
  if (names.length === 0 || choices.isLogEmpty)
    return isMember ? (
      <>You have no unlocks yet. Each one that your phone reports appears here.</>
    ) : (
      <>No unlocks yet. Each one that the phone app reports appears here.</>
    )
  if (names.join() === 'account')
    return (
      <>
        {nameOf(filter.account, choices.people) ?? 'This person'} has no unlocks. <ShowAll />
      </>
    )
  return (
    <>
      No matches. <ShowAll />
    </>
  )
}

const PEOPLE_MAX = 200

type Seen = {
  readonly isMember: boolean
  /** The account that the log is filtered by, or an empty text. */
  readonly account: string
  readonly rows: readonly Unlock[]
}

/** Loads what there is to filter by. A member has no people, because they see only their own unlocks. */
const useChoices = ({ isMember, account, rows }: Seen): Choices => {
  const labels = useLoad('labels', (signal) =>
    api.get<Static<typeof LabelsAnswer>>('/v1/unlocks/labels', { signal }),
  )
  const people = useLoad(`people of the log ${isMember}`, async (signal) =>
    isMember
      ? []
      : (
          await api.get<Static<typeof PeopleAnswer>>('/v1/people', {
            query: { limit: PEOPLE_MAX },
            signal,
          })
        ).people,
  )
  const units = useUnits(isMember)
  // Somebody who is not among those that were loaded.
  const isOther = !isMember && people.data?.every(({ id }) => id !== account)
  const other = isOther ? rows.find((row) => row.account === account)?.username : undefined
  return {
    ...(labels.data ?? { locks: [], methods: [] }),
    units,
    isLogEmpty: labels.data?.locks.length === 0,
    people: [...(people.data ?? []), ...(other ? [{ id: account, username: other }] : [])].sort(
      (a, b) => a.username.localeCompare(b.username),
    ),
  }
}
