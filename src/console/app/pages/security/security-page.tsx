import { Screen } from '../../components/layout/screen.tsx'
import { SessionList } from '../../components/list/session-list.tsx'
import { LockoutList } from '../../components/list/lockout-list.tsx'
import { auditAddress } from '../../routing/audit-filter.ts'
import { role } from '../../api/session.ts'
import { AllTokens } from './all-tokens.tsx'
import { BackupList } from './backups.tsx'
import { FailedLogins } from './failed-logins.tsx'
import { Guesses } from './guesses.tsx'
import { RegistrationSection } from './registration.tsx'

/** Lockouts, failed logins, registration, backups and your own sessions. */
export const SecurityPage = () => {
  const isOwner = role.value === 'owner'
  return (
    <Screen
      title="Security"
      lead="Failed logins, who may register, and backups."
      actions={
        isOwner && (
          <a class="button" href={auditAddress()}>
            Audit events
          </a>
        )
      }
    >
      <Guesses />
      <LockoutList />
      {isOwner && <FailedLogins />}
      {isOwner && <RegistrationSection />}
      {isOwner && <BackupList />}
      {isOwner && <AllTokens />}
      <SessionList />
    </Screen>
  )
}
