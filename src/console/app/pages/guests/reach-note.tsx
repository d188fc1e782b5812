import { gateway } from '../../api/session.ts'
import { Note } from '../../components/feedback/states.tsx'
import { reachOf } from './pass-text.ts'

/** Says where the links of passes work, and what a guest's phone will make of the connection. */
export const ReachNote = () => {
  const about = gateway.value
  if (!about) return null
  const { host, from, isEncrypted } = reachOf(about.address)
  const isRisky = from === 'machine' || !isEncrypted
  return (
    <Note kind={isRisky ? 'warning' : 'info'}>
      <p>
        {from === 'machine' && (
          <>
            The link would lead to this computer only ({host}). Set{' '}
            <a href="/manual/settings">PUBLIC_URL</a> to an address that phones can reach.
          </>
        )}
        {from === 'wifi' && <>The link works only on your Wi-Fi, where phones reach {host}.</>}
        {from === 'names' && <>The link works wherever a phone reaches {host}.</>}
      </p>
      {!isEncrypted && (
        <p>
          Without HTTPS, anyone on the same network could copy a pass and open the door with it.{' '}
          <a href="/manual/https">Set up HTTPS</a> first.
        </p>
      )}
      {isEncrypted && about.private_ca && (
        <p>
          A guest’s phone warns once that it does not know your certificate, and works after that.
          The text to send says so.
        </p>
      )}
    </Note>
  )
}
