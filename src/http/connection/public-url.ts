import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.ts'

type Listening = Pick<Config, 'host' | 'port' | 'tlsCertFile'>

/** Where others reach this service, most useful first, `localhost` last. */
export const ownUrls = ({ host, port, tlsCertFile }: Listening): readonly string[] =>
  addresses(host).map(
    (address) => `${tlsCertFile === undefined ? 'http' : 'https'}://${address}:${port}`,
  )

/** Where links lead: PUBLIC_URL, or this machine's own first address. The name that a request was
 * sent to is not asked, since whoever sends it chooses it. */
export const linkBase = (config: Listening & Pick<Config, 'publicUrl'>): string =>
  config.publicUrl ?? ownUrls(config)[0] ?? ''

/** All addresses of this machine but those that mean something on one link only. */
export const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((ofOne) => ofOne ?? [])
    .map(({ address }) => ipaddr.parse(address))
    .filter((address) => address.range() !== 'linkLocal')
    .map((address) => address.toString())
/** Whether there is an address at all under which others reach this service: not before a gateway
 * that has just been switched on was given one. */
export const hasAddress = (config: Listening): boolean =>
  !isAny(config.host) || ownUrls(config).length > 1

const isAny = (host: string): boolean => host === '0.0.0.0' || host === '::'

const addresses = (host: string): readonly string[] => {
  if (!isAny(host)) return [host.includes(':') ? `[${host}]` : host]
  const found = Object.values(networkInterfaces())
    .flatMap((ofOne) => ofOne ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
  return [...found, 'localhost']
}
