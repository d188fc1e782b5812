import type { Target } from '../../api/targets.ts'
import { Time } from '../../time/time.tsx'
import { answerWords } from '../../words/answer.ts'
import { counted } from '../../words/format.ts'

type Props = { readonly target: Target }

/** How a connection does, in a line: `Works · last told 5 minutes ago`. */
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
        Works · last told <Time at={last.at} />
      </p>
    )
  return <p class="door-state shut">Nothing told yet</p>
}

const WHY: Readonly<Record<NonNullable<Target['disabled_why']>, string>> = {
  person: 'Off',
  gone: 'Off: the receiver says that it is gone for good',
  failing: 'Off: it failed for five days',
}

/** How many wait, if any do. */
export const Waiting = ({ target: { waiting } }: Props) =>
  waiting === 0 ? null : <p class="quiet">{counted(waiting, 'message')} to be told</p>
