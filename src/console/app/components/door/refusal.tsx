import type { DecisionReason } from '../../../../domain/access.ts'
import { refusalWords } from '../../../../domain/text/grant-words.ts'
import { wallClock, wallClockNow } from '../../time/time.tsx'

type Props = {
  readonly reason: DecisionReason | null
  readonly nextAt: string | null
}

/** Why a door does not open for the person who reads it, and when it will. */
export const Refusal = ({ reason, nextAt }: Props) => (
  <>{refusalWords(reason ?? 'no_grant', nextAt && wallClock(nextAt), wallClockNow())}</>
)
