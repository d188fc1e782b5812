import { hostname } from 'node:os'
import { BoundedMap } from '../../domain/bounded-map.ts'
import { isLoopback } from './client-address.ts'

/** Headers with which proxies say that they forward a request, and for whom. */
const FORWARDING_HEADER =
  /^(?:x-forwarded|forwarded|x-real-ip$|via$|cf-|true-client-ip$|fastly-client-ip$|x-client-ip$|x-cluster-client-ip$|x-envoy-|x-original-)/

/** Returns whether a request bears any mark of a proxy. */
export const isForwarded = ({ headers }: Request): boolean => {
  for (const name of headers.keys()) if (FORWARDING_HEADER.test(name)) return true
  return false
}

/** Returns whether a request addresses this machine by a loopback name, and nothing shows that it was
 * forwarded. A proxy that adds no header, such as HAProxy or `ssh -L`, cannot be told apart, except
 * by the `Connection: close` of nginx's HTTP/1.0: so no right may follow from this alone. */
export const isDirect = (request: Request): boolean =>
  !isForwarded(request) && !closes(request) && LOOPBACK_NAME.test(hostOf(request))

type Peer = {
  /** Address of the TCP peer. */
  readonly address: string
  readonly isTrusted: boolean
  readonly userAgent: string
}

/** Returns whether a request without a forwarding header must still have come through a proxy:
 * this machine, or a trusted proxy, is no phone and does not call itself by a foreign name, and no
 * phone or browser closes each connection as nginx does by default. */
export const isSilentlyForwarded = (
  request: Request,
  { address, isTrusted, userAgent }: Peer,
): boolean => {
  const isHere = isLoopback(address)
  if (isHere && !isOwnName(hostOf(request))) return true
  if ((isHere || isTrusted) && PHONE.test(userAgent)) return true
  return closes(request) && (PHONE.test(userAgent) || userAgent.startsWith('Mozilla/'))
}

const closes = ({ headers }: Request): boolean =>
  headers.get('connection')?.toLowerCase() === 'close'

/** HTTP libraries and systems of phones, in the User-Agent header. */
const PHONE = /\b(?:Dart|Android|iPhone|iPad|okhttp|CFNetwork)\b/

/** A foreign page can point its own name at this machine (DNS rebinding), but not these. */
const LOOPBACK_NAME = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Debian resolves the name of a machine to 127.0.1.1. */
const isOwnName = (name: string): boolean =>
  name === '' || LOOPBACK_NAME.test(name) || name.split('.')[0] === OWN_NAME

const OWN_NAME = hostname().toLowerCase().split('.')[0]

/** Empty for an invalid Host: HTTP/1.0 need not send one. */
const hostOf = ({ url }: Request): string => {
  const origin = url.slice(0, url.indexOf('/', 'https://'.length))
  const known = hosts.get(origin)
  if (known !== undefined) return known
  const host = URL.parse(origin)?.hostname ?? ''
  hosts.set(origin, host)
  return host
}

/** A cache, because parsing an address takes a microsecond. */
const HOSTS_MAX = 100
const hosts = new BoundedMap<string, string>(HOSTS_MAX)
