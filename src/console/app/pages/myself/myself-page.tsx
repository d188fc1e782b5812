import { useState } from 'preact/hooks'
import { MayOpen } from '../../components/door/may-open.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { SessionList } from '../../components/list/session-list.tsx'
import { lastDayText } from '../../time/last-day.ts'
import { aRole } from '../../words/role.ts'
import { needsSecondFactor, me } from '../../api/session.ts'
import { OwnConnections } from '../connections/own-connections.tsx'
import { OwnData } from './data.tsx'
import { OwnPassword } from './password.tsx'
import { Profile } from './profile.tsx'
import { SecondFactor } from './second-factor.tsx'
import { OwnTokens } from './tokens.tsx'

/** Your own account. If it needs a second factor, that section comes first. */
export const MyselfPage = () => {
  // As it was when the page opened, so that nothing moves during the setup.
  const [isRequired] = useState(needsSecondFactor.value)
  const own = me.value
  if (!own) return null
  const place = own.unit === null ? '' : `, in ${own.unit}`
  const end = own.ends_at === null ? '' : ` Your access ends on ${lastDayText(own.ends_at)}.`
  const lead = `You are ${own.username}, ${aRole(own.role)}${place}.${end}`
  return (
    <Screen title="Myself" lead={lead}>
      {isRequired && <SecondFactor />}
      <MayOpen holder={`account:${own.id}`} />
      <OwnConnections />
      <Profile own={own} />
      <OwnPassword />
      {!isRequired && <SecondFactor />}
      <SessionList key={own.sessions} />
      <OwnTokens />
      <OwnData own={own} />
    </Screen>
  )
}
