import { loadControllerName } from '../../../api/doors/controllers.ts'
import { useLoad } from '../../../api/load.ts'
import { role } from '../../../api/session.ts'
import { isAtLeast } from '../../../routing/sections.ts'
import type { Unlock } from '../../../words/unlock.ts'

type Props = Pick<Unlock, 'source'> & { readonly reporter: string }

/** The driver that heard it from the lock, or the controller that signed it, which admins know by name. */
export const Reporter = ({ source, reporter }: Props) => {
  const isNamed = source === 'attested' && isAtLeast(role.value, 'admin')
  const { data } = useLoad(`reporter ${reporter} ${isNamed}`, (signal) =>
    isNamed ? loadControllerName(reporter, signal) : Promise.resolve({ name: undefined }),
  )
  if (source !== 'attested') return <span class="hint">Heard through {reporter}.</span>
  return (
    <span class="hint">
      {data?.name ? `The controller ${data.name}.` : <code>{reporter}</code>}
    </span>
  )
}
