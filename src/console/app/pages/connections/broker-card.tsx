import { isInUse, loadDoors } from '../../api/doors.ts'
import { loadFindings } from '../../api/findings.ts'
import { useLoad } from '../../api/load.ts'
import type { Target } from '../../api/targets.ts'
import { connectionAddress } from '../../routing/connections.ts'
import { sentence } from '../../words/format.ts'
import { OnOffButton, TestButton } from './target-actions.tsx'
import { TargetState, Waiting } from './target-state.tsx'

type Props = { readonly target: Target; readonly onChange: () => void }

/** The MQTT broker: whether it is connected, and what Home Assistant sees. */
export const BrokerCard = ({ target, onChange }: Props) => {
  const doors = useLoad('doors', loadDoors)
  const findings = useLoad('findings', loadFindings)
  const found = (findings.data ?? []).filter(({ check }) => check === 'mqtt')
  const names = (doors.data?.locks ?? []).filter(isInUse).map(({ name }) => name)
  return (
    <article class="sheet door" aria-label={TITLE}>
      <h2>
        <a href={connectionAddress(target)}>{TITLE}</a>
      </h2>
      <p class="quiet">By MQTT</p>
      {found.map(({ state, says, fix }) => (
        <p key={says} class={state === 'ok' ? 'door-state open' : 'door-state stopped'}>
          {sentence(says)} {fix !== undefined && sentence(fix)}
        </p>
      ))}
      {(target.last !== null || target.state === 'disabled') && <TargetState target={target} />}
      <Waiting target={target} />
      {names.length > 0 && (
        <p class="quiet">
          Home Assistant sees {names.join(', ')}: who opened each door, and who was refused.
        </p>
      )}
      <div class="actions">
        <TestButton target={target} onChange={onChange} />
        <OnOffButton target={target} onChange={onChange} />
        <a class="button quiet" href={connectionAddress(target)} aria-label={`More: ${TITLE}`}>
          More
        </a>
      </div>
    </article>
  )
}

const TITLE = 'Home Assistant'

/** Says how the broker becomes a connection. */
export const NoBroker = () => (
  <article class="sheet door" aria-label={TITLE}>
    <h2>{TITLE}</h2>
    <p class="door-state shut">Not connected</p>
    <p class="quiet">
      Set <code>MQTT_URL</code> on the gateway to the address of your MQTT broker. Your doors then
      appear in Home Assistant by themselves.
    </p>
  </article>
)
