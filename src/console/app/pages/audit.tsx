import { useLocation } from 'preact-iso/router'
import { auditAddress, auditFilter, auditQuery } from '../audit-filter.ts'
import { type AuditEvent, drawnTogether } from '../audit-words.ts'
import { List } from '../components/list.tsx'
import { RecordLine } from '../components/record-line.tsx'
import { Screen } from '../components/screen.tsx'
import { usePages } from '../load.ts'
import { gateway } from '../session.ts'
import { AuditFilters } from './audit-filters.tsx'

const PAGE_ROWS = 100

/** What happened to accounts and settings, for owners. */
export const AuditPage = () => {
  const { query } = useLocation()
  const filter = auditFilter(query)
  const pages = usePages<AuditEvent>(
    '/v1/audit',
    { ...auditQuery(filter, gateway.value?.zone ?? 'UTC'), limit: PAGE_ROWS },
    'events',
  )
  const isNarrowed = Object.values(filter).some((value) => value !== '')
  return (
    <Screen
      title="Audit trail"
      lead={
        <>
          Every login, failure, refusal and change. Each line opens to what is kept of it.{' '}
          <a href="/console/security">Security</a>
        </>
      }
    >
      <AuditFilters key={auditAddress(filter)} filter={filter} />
      <List
        label="Records"
        pages={{ ...pages, rows: pages.rows && drawnTogether(pages.rows) }}
        keyOf={({ newest }) => newest.seq}
        row={(told) => <RecordLine told={told} />}
        empty={
          isNarrowed ? (
            <>
              Nothing in the audit trail fits this. <a href={auditAddress()}>Show all of it</a>
            </>
          ) : (
            'Nothing is recorded yet.'
          )
        }
      />
    </Screen>
  )
}
