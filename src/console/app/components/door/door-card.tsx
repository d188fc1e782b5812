import type { Static } from '@sinclair/typebox'
import type { ListAnswer } from '../../../../unlocks/query/schema.ts'
import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Door, type Lockdown } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { doorAddress } from '../../routing/doors.ts'
import { unlockAddress } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import { withoutRepeats } from '../../words/repeats.ts'
import {
  isUnconfirmed,
  openedWords,
  isDecision,
  silenceAfter,
  phraseText,
  provenanceOf,
  reasonOf,
} from '../../words/unlock.ts'
import { DoorState } from './door-state.tsx'
import { OpenButton } from './open-button.tsx'

type Props = {
  readonly door: Door
  readonly lockdown: Lockdown | undefined
  /** Whether it names the door and links to its page. */
  readonly isLinked?: boolean
  /** Counts up when what it shows may have changed. */
  readonly refresh: number
  /** Called after the gateway has decided. */
  readonly onDecided: () => void
}

/** A door: whether it is open to you, who opened it last, and a button. */
export const DoorCard = ({ door, lockdown, isLinked = false, refresh, onDecided }: Props) => {
  const [decisions, setDecisions] = useState(0)
  const decided = (): void => {
    setDecisions((before) => before + 1)
    onDecided()
  }
  return (
    <article class="sheet door" aria-label={door.name}>
      {isLinked && (
        <h2>
          <a href={doorAddress(door.label)}>{door.name}</a>
        </h2>
      )}
      <DoorState door={door} lockdown={lockdown} />
      {door.controller === 'offline' && (
        <p class="door-state stopped">The lock does not answer: use your key</p>
      )}
      <LastEvent label={door.label} refresh={refresh + decisions} />
      {door.state === 'enabled' && <OpenButton door={door} onDecided={decided} />}
    </article>
  )
}

/** How many may report one opening: the gateway, the lock and the phone. */
const REPORTS_MAX = 3

/** What happened last at a door; a member sees only their own. */
const LastEvent = ({ label, refresh }: { readonly label: string; readonly refresh: number }) => {
  const { data, reload } = useLoad(`last ${label}`, async (signal) => {
    const query = { lock: label, limit: REPORTS_MAX }
    const { unlocks } = await api.get<Static<typeof ListAnswer>>('/v1/unlocks', { query, signal })
    return { last: withoutRepeats(unlocks)[0] }
  })
  useReloadOn(refresh, reload)
  if (!data) return <p class="quiet last">&nbsp;</p>
  const { last } = data
  if (!last) return <p class="quiet last">No unlocks yet</p>
  return (
    <p class="quiet last">
      <a href={unlockAddress(last.id)}>
        {phraseText(last)}
        {reasonOf(last)}
      </a>
      , <Time at={last.happened_at} />
      {isDecision(last)
        ? silenceAfter(last) || afterwards(openedWords(last))
        : afterwards(provenanceOf(last))}
      {isUnconfirmed(last) && ', unconfirmed'}
    </p>
  )
}

const afterwards = (words: string): string => words && ` (${words})`
