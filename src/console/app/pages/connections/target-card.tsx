import type { Holders } from '../../api/holders.ts'
import type { Target } from '../../api/targets.ts'
import { connectionAddress } from '../../routing/connections.ts'
import { capital } from '../../words/capital.ts'
import { whenWords } from '../../words/when.ts'
import { kindLabel } from './kinds.ts'
import { OnOffButton, TestButton } from './target-actions.tsx'
import { TargetState, Waiting } from './target-state.tsx'

type Props = {
  readonly target: Target
  readonly holders: Holders
  readonly onChange: () => void
}

/** A connection: how it does, what it hears of, and its buttons. */
export const TargetCard = ({ target, holders, onChange }: Props) => (
  <article class="sheet door" aria-label={target.name}>
    <h2>
      <a href={connectionAddress(target)}>{target.name}</a>
    </h2>
    <p class="quiet">{kindLabel(target.kind)}</p>
    <TargetState target={target} />
    <Waiting target={target} />
    <Whens target={target} holders={holders} />
    <div class="actions">
      <TestButton target={target} onChange={onChange} />
      <OnOffButton target={target} onChange={onChange} />
      <a class="button quiet" href={connectionAddress(target)} aria-label={`More: ${target.name}`}>
        More
      </a>
    </div>
  </article>
)

/** Its rules, in sentences. */
const Whens = ({ target: { rules, account }, holders }: Omit<Props, 'onChange'>) => {
  const nameOf = (id: string): string => holders.nameOf(`account:${id}`)
  const words = rules.map((rule) => whenWords(rule, { nameOf, isOwn: account !== null }))
  if (words.length === 0) return <p class="quiet">Receives nothing.</p>
  return (
    <ul class="points quiet">
      {words.map((each) => (
        <li key={each}>{capital(each)}</li>
      ))}
    </ul>
  )
}
