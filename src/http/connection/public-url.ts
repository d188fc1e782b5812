import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.ts'

type Listening = Pick<Config, 'host' | 'port' | 'tlsCertFile'>

/** Returns the URLs of this server, most useful first, `localhost` last. */
export const ownUrls = ({ host, port, tlsCertFile }: Listening): readonly string[] =>
  addresses(host).map(
    (address) => `${tlsCertFile === undefined ? 'http' : 'https'}://${address}:${port}`,
  )

/** Returns where links lead: PUBLIC_URL, or the first address of this machine. The host name of a request
 * is ignored, because the sender chooses it. */
export const linkBase = (config: Listening & Pick<Config, 'publicUrl'>): string =>
  config.publicUrl ?? ownUrls(config)[0] ?? ''

/** Returns all addresses of this machine except link-local ones. */
export const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addressesOfInterface) => addressesOfInterface ?? [])
    .map(({ address }) => ipaddr.parse(address))
    .filter((address) => address.range() !== 'linkLocal')
    .map((address) => address.toString())

/** Returns whether others can reach this server at any address. A gateway that has just been switched on
 * may not have one yet. */
export const hasAddress = (config: Listening): boolean =>
  !isAny(config.host) || ownUrls(config).length > 1

const isAny = (host: string): boolean => host === '0.0.0.0' || host === '::'

const addresses = (host: string): readonly string[] => {
  if (!isAny(host)) return [host.includes(':') ? `[${host}]` : host]
  const found = Object.values(networkInterfaces())
    .flatMap((addressesOfInterface) => addressesOfInterface ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
  return [...found, 'localhost']
}
