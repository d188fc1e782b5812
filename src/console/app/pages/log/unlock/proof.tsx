import type { Unlock } from '../../../words/unlock.ts'
import { Fact } from './fact.tsx'

type Props = { readonly unlock: Unlock }

/** What an entry proves, and for what a phone says whether the lock confirms it. */
export const Proof = ({ unlock }: Props) => (
  <>
    <Fact term="What it proves">{PROOFS[unlock.source](unlock)}</Fact>
    {unlock.confirmed !== null && (
      <Fact term="Confirmed">
        {unlock.confirmed ? (
          'By the lock'
        ) : (
          <>
            No<span class="hint">This lock reports its openings, and reported none then.</span>
          </>
        )}
      </Fact>
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
    `The controller of the lock signed it: no phone can fake it. ${SIGNED[result]}`,
}

const SIGNED: Readonly<Record<Unlock['result'], string>> = {
  unlocked: 'Its sensor saw the door open.',
  released: 'It has no sensor, so the door may have stayed shut.',
  failed: 'The door stayed shut.',
  permitted: '',
  denied: '',
}
