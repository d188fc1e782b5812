import { existsSync } from 'node:fs'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { Config } from '../../config/config.ts'
import { type Cidr, cidr } from '../../config/parsers.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Caller } from '../authorization.ts'
import { isInRanges, isLoopback } from './client-address.ts'

type Interfaces = Readonly<Record<string, readonly Interface[] | undefined>>

type Interface = Pick<NetworkInterfaceInfo, 'cidr' | 'internal' | 'mac'>

type Options = Pick<Config, 'homeNetworks'> & {
  readonly monotonicMs: () => number
  readonly interfaces?: () => Interfaces
  readonly isContainer?: () => boolean
}

/** Whether a request comes from the home network: `unknown` if its address is hidden by a proxy, or nobody
 * said which networks those are and this machine cannot tell, as in a container. */
export type IsOnHomeNetwork = (
  caller: Pick<Caller, 'address' | 'isAddressHidden'>,
) => boolean | 'unknown'

/** Returns the function that tells whether a request comes from HOME_NETWORKS or else from a private subnet of
 * this machine. One from this machine itself never does: it may come from a tunnel. */
export const homeNetwork = ({
  homeNetworks,
  monotonicMs,
  interfaces = networkInterfaces,
  isContainer = isInContainer,
}: Options): IsOnHomeNetwork => {
  let found: { readonly ranges: readonly Cidr[]; readonly atMs: number } | undefined
  /** Addresses of a machine change, and after a power cut it may not have any yet. */
  const ownRanges = (): readonly Cidr[] => {
    const atMs = monotonicMs()
    if (!found || atMs - found.atMs >= MINUTE_MS)
      found = { ranges: isContainer() ? [] : privateSubnets(interfaces()), atMs }
    return found.ranges
  }
  return ({ address, isAddressHidden }) => {
    if (isLoopback(address)) return isAddressHidden ? 'unknown' : false
    const ranges = homeNetworks ?? ownRanges()
    if (isAddressHidden || ranges.length === 0) return 'unknown'
    return isInRanges(address, ranges)
  }
}

/** In a container, addresses are those of a network that the host made up, and those of clients may be
 * hidden behind its own. */
const isInContainer = (): boolean =>
  ['/.dockerenv', '/run/.containerenv', '/run/secrets/kubernetes.io'].some((path) =>
    existsSync(path),
  )

/** Subnets of network cards: tunnels, which have no MAC address, lead elsewhere, and bridges of containers
 * to proxies. */
const privateSubnets = (interfaces: Interfaces): readonly Cidr[] =>
  Object.entries(interfaces)
    .filter(([name]) => !CONTAINER_BRIDGE.test(name))
    .flatMap(([, addresses = []]) => addresses)
    .filter(({ internal, mac }) => !internal && mac !== '00:00:00:00:00:00')
    .flatMap((address) => (address.cidr === null ? [] : [cidr(address.cidr)]))
    .filter(([address]) => PRIVATE.has(address.range()))

const PRIVATE: ReadonlySet<string> = new Set(['private', 'uniqueLocal', 'linkLocal'])

/** The names that Docker, Podman, LXC and libvirt give to theirs. */
const CONTAINER_BRIDGE = /^(?:docker|podman|cni|lxc|lxd|virbr|veth|br-[0-9a-f]{12}$)/
