import { useLocation } from 'preact-iso/router'
import { auditAddress, auditFilter, auditQuery } from '../../routing/audit-filter.ts'
import { type AuditEvent, groupRepeats } from '../../words/audit-event.ts'
import { List } from '../../components/list/list.tsx'
import { AuditEventLine } from '../../components/list/audit-event-line.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { usePages } from '../../api/load.ts'
import { gateway } from '../../api/session.ts'
import { AuditFilters } from './audit-filters.tsx'

const PAGE_ROWS = 100

/** The audit events, for owners. */
export const AuditPage = () => {
  const { query } = useLocation()
  const filter = auditFilter(query)
  const pages = usePages<AuditEvent>(
    '/v1/audit',
    { ...auditQuery(filter, gateway.value?.zone ?? 'UTC'), limit: PAGE_ROWS },
    'events',
  )
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <Screen
      title="Audit events"
      lead={
        <>
          <a href="/console/security">
            <span aria-hidden="true">← </span>Security
          </a>{' '}
          Every login, failure, refusal and change. Open a line for details.
        </>
      }
    >
      <AuditFilters key={auditAddress(filter)} filter={filter} />
      <List
        label="Audit events"
        pages={{ ...pages, rows: pages.rows && groupRepeats(pages.rows) }}
        keyOf={({ newest }) => newest.seq}
        row={(group) => <AuditEventLine group={group} />}
        empty={
          isFiltered ? (
            <>
              No matches. <a href={auditAddress()}>Show all audit events</a>
            </>
          ) : (
            'None yet.'
          )
        }
      />
    </Screen>
  )
}
