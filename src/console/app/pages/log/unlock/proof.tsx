import type { Static } from '@sinclair/typebox'
import type { ListAnswer } from '../../../../../unlocks/query/schema.ts'
import { api } from '../../../api/client.ts'
import { useLoad } from '../../../api/load.ts'
import { isUnconfirmed, signingSince } from '../../../words/confirmed.ts'
import { withoutRepeats } from '../../../words/repeats.ts'
import type { Unlock } from '../../../words/unlock.ts'
import { Fact } from './fact.tsx'

type Props = { readonly unlock: Unlock }

/** What an entry proves, and for what a phone says whether the lock confirms it. */
export const Proof = ({ unlock }: Props) => (
  <>
    <Fact term="What it proves">{PROOFS[unlock.source](unlock)}</Fact>
    {unlock.source === 'claimed' && signingSince.value.has(unlock.lock) && (
      <Confirmation unlock={unlock} />
    )}
  </>
)

/** What an entry proves about the door, besides that it is in the log. */
const PROOFS: Readonly<Record<Unlock['source'], (unlock: Unlock) => string>> = {
  claimed: () =>
    'Somebody logged in as this person says so. That alone does not show that the door opened.',
  observed: () => 'The gateway refused it.',
  imported: () => 'The legacy server had it. Nothing else confirms it.',
  decided: ({ result }) =>
    result === 'permitted'
      ? 'The gateway let them in, by its rules. Whether the door opened, only the lock can say.'
      : 'The gateway refused it, by its rules.',
  reported: () => 'The lock says so, without a signature.',
  attested: ({ result }) =>
    `The controller of the lock signed it: no phone can make it up. ${SIGNED[result]}`,
}

const SIGNED: Readonly<Record<Unlock['result'], string>> = {
  unlocked: 'Its sensor saw the door open.',
  released: 'It has no sensor, so the door may have stayed shut.',
  failed: 'The door stayed shut.',
  permitted: '',
  denied: '',
}

/** How far apart a phone and a lock may say that a door opened. */
const APART_MS_MAX = 2 * 60_000

/** Whether the lock, which signs its openings, says so too. */
const Confirmation = ({ unlock }: Props) => {
  const { lock, seq, happened_at: happenedAt } = unlock
  const { data } = useLoad(`confirmation ${seq}`, (signal) => {
    const at = (apartMs: number) => new Date(Date.parse(happenedAt) + apartMs).toISOString()
    const query = { lock, from: at(-APART_MS_MAX), to: at(APART_MS_MAX) }
    return api.get<Static<typeof ListAnswer>>('/v1/unlocks', { query, signal })
  })
  if (!data) return null
  const shown = withoutRepeats(data.unlocks).find((row) => row.seq === seq)
  return (
    <Fact term="Confirmed">
      {shown && isUnconfirmed(shown) ? (
        <>
          No<span class="hint">This lock signs its openings, and signed none at that time.</span>
        </>
      ) : (
        'By the lock'
      )}
    </Fact>
  )
}
