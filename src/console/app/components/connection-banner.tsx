import { connection } from '../api.ts'

/** Says that the gateway is away, until it is there again. */
export const ConnectionBanner = () => (
  <div class="connection" role="status">
    {connection.value === 'lost' && (
      <p>
        <strong>Lost the connection to the gateway.</strong> Reconnecting… What you see may be old.
      </p>
    )}
  </div>
)
