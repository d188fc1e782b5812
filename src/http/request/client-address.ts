import ipaddr from 'ipaddr.js'
import type { Cidr } from '../../config/parsers.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'

type Hop = {
  /** Address of the TCP peer. */
  readonly peer: string
  readonly forwardedFor: string | null
  readonly trustedProxies: readonly Cidr[]
}

/** Returns the address of the client. `X-Forwarded-For` is read from its right end, and only as long as
 * each hop is a trusted proxy. IPv4-mapped IPv6 addresses become IPv4. */
export const clientAddress = ({ peer, forwardedFor, trustedProxies }: Hop): string => {
  let address = parse(peer)
  if (!address) return 'unknown'
  // Empty elements of a list are ignored (RFC 9110 section 5.6.1).
  const hops = (forwardedFor?.split(',') ?? []).map((hop) => hop.trim()).filter(Boolean)
  while (isTrusted(address, trustedProxies)) {
    const hop = parse(withoutPort(hops.pop() ?? ''))
    if (!hop) break
    address = hop
  }
  return address.toString()
}

/** Returns an address as `clientAddress` does; `unknown` if it is none. */
export const canonicalAddress = (address: string): string => parse(address)?.toString() ?? 'unknown'

/** Returns the address of a hop that is written with a port or in brackets, as some proxies do (the form is
 * that of RFC 7239 section 6). */
const withoutPort = (hop: string): string =>
  /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop

/** Returns the key that limits count by: an IPv4 address, or the /64 of an IPv6 address, in which one
 * subscriber can choose any. */
export const clientKey = (address: string): string => {
  const parsed = parse(address)
  if (!parsed || parsed.kind() === 'ipv4') return address
  return ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()
}

/** Returns whether a TCP peer is a trusted proxy. */
export const isTrustedPeer = (peer: string, trustedProxies: readonly Cidr[]): boolean =>
  isInRanges(peer, trustedProxies)

/** Returns whether an address is in one of these ranges; false for text that is no address. */
export const isInRanges = (text: string, ranges: readonly Cidr[]): boolean => {
  const address = parse(text)
  return address !== undefined && isTrusted(address, ranges)
}

export const isLoopback = (address: string): boolean => parse(address)?.range() === 'loopback'

const isTrusted = (address: Address, ranges: readonly Cidr[]): boolean =>
  ranges.some(([range, bits]) => address.kind() === range.kind() && address.match(range, bits))

type Address = ReturnType<typeof ipaddr.process>

/** A cache of parsed addresses: parsing one takes a microsecond, and a request needs it several times. */
const PARSED_MAX = 1000
const parsed = new BoundedMap<string, Address | undefined>(PARSED_MAX)

const parse = (text: string): Address | undefined => {
  if (parsed.has(text)) return parsed.get(text)
  const address = ipaddr.isValid(text) ? ipaddr.process(text) : undefined
  parsed.set(text, address)
  return address
}
