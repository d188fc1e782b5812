import type { Config } from '../config/config.ts'
import { isLoopback } from '../http/request/client-address.ts'

type Settings = Pick<Config, 'debug' | 'host' | 'publicUrl' | 'trustedProxies'>

/** Returns why DEBUG has no effect, or undefined if it opens the tables (or is off): nothing but the
 * address to listen on keeps others away from them, and no proxy may stand in front. */
export const debugObstacle = ({
  debug,
  host,
  publicUrl,
  trustedProxies,
}: Settings): string | undefined => {
  if (!debug) return undefined
  if (!isLoopback(host)) return 'HOST is not a loopback address'
  if (trustedProxies.length > 0) return 'TRUSTED_PROXIES names a proxy'
  const name = publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname
  return name === 'localhost' || isLoopback(name.replaceAll(/[[\]]/g, ''))
    ? undefined
    : 'PUBLIC_URL is not on this machine'
}
