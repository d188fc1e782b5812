import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { loadTargets } from '../../api/targets.ts'
import { Section } from '../../components/layout/section.tsx'
import { newConnectionAddress } from '../../routing/connections.ts'
import { TargetCard } from './target-card.tsx'

/** Your own connections, which receive only your own events; nothing if you have none and may add none. */
export const OwnConnections = () => {
  const { data, reload } = useLoad('targets', loadTargets)
  const holders = useHolders(false)
  const own = (data?.targets ?? []).filter(({ account }) => account !== null)
  const mayAdd = (data?.kinds.personal.length ?? 0) > 0
  if (own.length === 0 && !mayAdd) return null
  return (
    <Section title="Notifications" lead="A message to your phone when you open a door.">
      {own.map((target) => (
        <TargetCard key={target.id} target={target} holders={holders} onChange={reload} />
      ))}
      {mayAdd && (
        <a class="button" href={newConnectionAddress(true)}>
          Notify me
        </a>
      )}
    </Section>
  )
}
