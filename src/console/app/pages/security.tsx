import { Screen } from '../components/screen.tsx'
import { SessionList } from '../components/session-list.tsx'
import { WaitList } from '../components/wait-list.tsx'
import { auditAddress } from '../audit-filter.ts'
import { role } from '../session.ts'
import { BackupList } from './security-backups.tsx'
import { FailedLogins } from './security-failures.tsx'
import { Registrations } from './security-registration.tsx'

/** Who tries to get in, who may, and what there is to fall back on. */
export const SecurityPage = () => {
  const isOwner = role.value === 'owner'
  return (
    <Screen
      title="Security"
      lead="Who tries to get in, who may, and what there is to fall back on."
      actions={
        isOwner && (
          <a class="button" href={auditAddress()}>
            Audit trail
          </a>
        )
      }
    >
      <WaitList />
      {isOwner && <FailedLogins />}
      {isOwner && <Registrations />}
      {isOwner && <BackupList />}
      <SessionList />
    </Screen>
  )
}
