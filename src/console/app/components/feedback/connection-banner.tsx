import { connection } from '../../api/client.ts'

/** Shows that the connection is lost, until the gateway answers again. */
export const ConnectionBanner = () => (
  <div class="connection" role="status">
    {connection.value === 'lost' && (
      <p>
        <strong>Lost the connection to the gateway.</strong> Reconnecting… This page may be out of
        date.
      </p>
    )}
  </div>
)
