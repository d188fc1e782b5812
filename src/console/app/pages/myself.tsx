import { useState } from 'preact/hooks'
import { Screen } from '../components/screen.tsx'
import { SessionList } from '../components/session-list.tsx'
import { roleWord } from '../people.ts'
import { isHeldBack, me } from '../session.ts'
import { OwnData } from './myself-data.tsx'
import { OwnPassword } from './myself-password.tsx'
import { Profile } from './myself-profile.tsx'
import { SecondFactor } from './myself-second-factor.tsx'

/** One's own account. Who must set up a second factor finds that first. */
export const MyselfPage = () => {
  // As it was at arrival: nothing moves while somebody sets it up.
  const [isLed] = useState(isHeldBack.value)
  const own = me.value
  if (!own) return null
  const lead = `You are ${own.username}, ${roleWord(own.role).toLowerCase()} of this door.`
  return (
    <Screen title="Myself" lead={lead}>
      {isLed && <SecondFactor />}
      <Profile own={own} />
      <OwnPassword />
      {!isLed && <SecondFactor />}
      <SessionList key={own.sessions} />
      <OwnData own={own} />
    </Screen>
  )
}
