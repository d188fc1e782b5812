import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { BROKER, loadTargets } from '../../api/targets.ts'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { newConnectionAddress } from '../../routing/connections.ts'
import { BrokerCard, NoBroker } from './broker-card.tsx'
import { TargetCard } from './target-card.tsx'

/** The targets of the home, and their state. */
export const ConnectionsPage = () => {
  const loaded = useLoad('targets', loadTargets)
  const holders = useHolders(true)
  useReloadOn(useRefreshSignal(undefined), loaded.reload)
  return (
    <Screen
      title="Connections"
      lead="Who is notified when something happens at your doors."
      actions={
        <a class="button" href={newConnectionAddress(false)}>
          Add a connection
        </a>
      }
    >
      <WhenLoaded what="connections" loaded={loaded}>
        {({ targets }) => {
          const shown = targets.filter(({ account }) => account === null)
          const broker = shown.find(({ kind }) => kind === BROKER)
          return (
            <div class="doors">
              {shown
                .filter((target) => target !== broker)
                .map((target) => (
                  <TargetCard
                    key={target.id}
                    target={target}
                    holders={holders}
                    onChange={loaded.reload}
                  />
                ))}
              {broker ? <BrokerCard target={broker} onChange={loaded.reload} /> : <NoBroker />}
            </div>
          )
        }}
      </WhenLoaded>
    </Screen>
  )
}
