import type { Grant } from '../../api/doors.ts'
import { grantAddress } from '../../routing/doors.ts'

type Props = {
  readonly grant: Grant
  /** Whether it leads to the page of the grant. */
  readonly isLinked: boolean
}

/** A grant in one sentence. */
export const GrantRow = ({ grant, isLinked }: Props) => {
  const { id, words, state, uses, used, suspended_at: suspended } = grant
  const content = (
    <>
      <span class="words">{words}</span>
      <span class="marks">
        {state !== 'now' && (
          <span class={state === 'later' ? 'badge' : 'badge stop'}>{STATES[state]}</span>
        )}
        {suspended !== null && <span class="badge stop">waits for an owner</span>}
        {uses !== null && used !== null && (
          <span class="badge">
            used {used} of {uses}
          </span>
        )}
      </span>
    </>
  )
  return isLinked ? (
    <a class="row grant" id={`grant-${id}`} href={grantAddress(id)}>
      {content}
    </a>
  ) : (
    <div class="row grant">{content}</div>
  )
}

export const STATES: Readonly<Record<Grant['state'], string>> = {
  now: 'in force',
  later: 'starts later',
  ended: 'ended',
  revoked: 'revoked',
}
