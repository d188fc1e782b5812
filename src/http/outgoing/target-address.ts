import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { machineAddresses } from '../connection/public-url.ts'

/** Which addresses of this machine a target may have. */
export type AddressRules = {
  /** The setting `WEBHOOK_LOOPBACK`. */
  readonly allowsLoopback: boolean
  /** The addresses of this machine, and the port of this server. */
  readonly own: () => { readonly addresses: readonly string[]; readonly port: number }
}

/** Returns the rules that follow from the settings. */
export const addressRules = ({
  webhookLoopback,
  port,
}: Pick<Config, 'webhookLoopback' | 'port'>): AddressRules => ({
  allowsLoopback: webhookLoopback === 'on',
  own: () => ({ addresses: machineAddresses(), port }),
})

const URL_CHARACTERS_MAX = 1000

/** Returns the URL of a target as stored. Throws `invalid` unless it is http or https and has no user, password
 * or fragment. */
export const acceptedUrl = (text: unknown): string => {
  const url =
    typeof text === 'string' && text.length <= URL_CHARACTERS_MAX ? parsed(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw invalidUrl('an http or https URL of up to 1000 characters')
  if (url.username !== '' || url.password !== '')
    throw invalidUrl('a URL without a user name and password')
  if (url.hash !== '') throw invalidUrl('a URL without a fragment')
  return url.href
}

const parsed = (text: string): URL | undefined => URL.parse(text) ?? undefined

const invalidUrl = (accepted: string): AppError =>
  new AppError('invalid', `Invalid url: ${accepted}`, { fields: { url: accepted } })

/** Ranges that no receiver in a home is in. Some embed IPv4 addresses, and would hide them from the checks. */
const REFUSED_RANGES: Readonly<Record<string, string>> = {
  unspecified: 'not an address of a machine',
  broadcast: 'an address of many machines',
  multicast: 'an address of many machines',
  linkLocal: 'a link-local address, such as that of a cloud’s metadata service',
  rfc6145: 'an address that embeds another one',
  rfc6052: 'an address that embeds another one',
  '6to4': 'an address that embeds another one',
  teredo: 'an address that embeds another one',
}

/** Returns why a target must not connect to a resolved address, or undefined if it may. */
export const refusalOf = (
  address: string,
  port: number,
  { allowsLoopback, own }: AddressRules,
): string | undefined => {
  if (!ipaddr.isValid(address)) return 'not an address of a machine'
  const parsedAddress = ipaddr.process(address)
  const range = parsedAddress.range()
  const refused = REFUSED_RANGES[range]
  if (refused !== undefined) return refused
  const { addresses, port: ownPort } = own()
  const isOwn = range === 'loopback' || addresses.includes(parsedAddress.toString())
  if (isOwn && port === ownPort) return 'this server itself'
  return isOwn && !allowsLoopback
    ? 'this machine; to allow that, set WEBHOOK_LOOPBACK=on'
    : undefined
}
