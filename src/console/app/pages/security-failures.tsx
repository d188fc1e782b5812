import type { Static } from '@sinclair/typebox'
import type { AuditAnswer } from '../../../audit/schema.ts'
import { api } from '../api.ts'
import { auditAddress } from '../audit-filter.ts'
import { drawnTogether } from '../audit-words.ts'
import { RecordLine } from '../components/record-line.tsx'
import { Section } from '../components/section.tsx'
import { WhenLoaded } from '../components/when-loaded.tsx'
import { useLoad } from '../load.ts'

const FAILURES = { action: 'login', result: 'failure' }
const ROWS = 50
const LINES = 5

/** The newest logins that failed. */
export const FailedLogins = () => {
  const loaded = useLoad('failed logins', (signal) =>
    api.get<Static<typeof AuditAnswer>>('/v1/audit', {
      query: { ...FAILURES, limit: ROWS },
      signal,
    }),
  )
  return (
    <Section title="Failed logins">
      <WhenLoaded what="the failed logins" loaded={loaded}>
        {({ events }) =>
          events.length === 0 ? (
            <p class="quiet">None is recorded.</p>
          ) : (
            <>
              <ul class="list" aria-label="Failed logins">
                {drawnTogether(events)
                  .slice(0, LINES)
                  .map((told) => (
                    <li key={told.newest.seq}>
                      <RecordLine told={told} />
                    </li>
                  ))}
              </ul>
              <p>
                <a href={auditAddress(FAILURES)}>All failed logins</a>
              </p>
            </>
          )
        }
      </WhenLoaded>
    </Section>
  )
}
