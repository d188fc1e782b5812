import type { Target } from '../../api/targets.ts'
import { Time } from '../../time/time.tsx'
import { answerWords } from '../../words/answer.ts'
import { counted } from '../../words/format.ts'

type Props = { readonly target: Target }

/** The state of a connection in one line: `Works · last sent 5 minutes ago`. */
export const TargetState = ({ target }: Props) => {
  const { state, failing_since: since, last, disabled_why: why } = target
  if (state === 'disabled') return <p class="door-state shut">{WHY[why ?? 'person']}</p>
  if (since !== null)
    return (
      <p class="door-state stopped">
        Has failed since <Time at={since} format="printed" />
        {last && answerWords(last)}
      </p>
    )
  if (last?.state === 'delivered' && last.at !== null)
    return (
      <p class="door-state open">
        Works · last sent <Time at={last.at} />
      </p>
    )
  return <p class="door-state shut">Nothing sent yet</p>
}

const WHY: Readonly<Record<NonNullable<Target['disabled_why']>, string>> = {
  person: 'Off',
  gone: 'Off: the receiver said that it is permanently gone',
  failing: 'Off: it failed for five days',
}

/** How many messages are waiting, if any. */
export const Waiting = ({ target: { waiting } }: Props) =>
  waiting === 0 ? null : <p class="quiet">{counted(waiting, 'message')} waiting</p>
