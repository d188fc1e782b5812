import type { Static } from '@sinclair/typebox'
import type { AuditAnswer } from '../../../../audit/schema.ts'
import { api } from '../../api/client.ts'
import { auditAddress } from '../../routing/audit-filter.ts'
import { type AuditEvent, groupRepeats } from '../../words/audit-event.ts'
import { AuditEventLine } from '../../components/list/audit-event-line.tsx'
import { Section } from '../../components/layout/section.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { useLoad } from '../../api/load.ts'

const FAILURES = { action: 'login', result: 'failure' }
const ROWS = 50
const LINES = 5

/** The right password without its code is no guess: earlier versions recorded each login with a second
 * factor like that, and the tables do. */
const isFailure = ({ detail: { reason } }: AuditEvent): boolean => reason !== 'otp_required'

/** The newest failed logins. */
export const FailedLogins = () => {
  const loaded = useLoad('failed logins', (signal) =>
    api.get<Static<typeof AuditAnswer>>('/v1/audit', {
      query: { ...FAILURES, limit: ROWS },
      signal,
    }),
  )
  return (
    <Section title="Failed logins">
      <WhenLoaded what="failed logins" loaded={loaded}>
        {({ events }) =>
          events.filter(isFailure).length === 0 ? (
            <p class="quiet">None.</p>
          ) : (
            <>
              <ul class="list" aria-label="Failed logins">
                {groupRepeats(events.filter(isFailure))
                  .slice(0, LINES)
                  .map((group) => (
                    <li key={group.newest.seq}>
                      <AuditEventLine group={group} />
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
