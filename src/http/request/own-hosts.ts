import { hostname } from 'node:os'
import type { CertificateFacts } from '../connection/certificate.ts'

type Options = {
  readonly publicUrl: string | undefined
  readonly allowedHosts: readonly string[]
  readonly certificate: () => Pick<CertificateFacts, 'names'> | undefined
}

/** Returns the function that tells whether a `Host` names this server: any IP address, any name without
 * a dot, and the names of the settings, the certificate in use and the machine. A foreign page can point
 * a name of its own at this server (DNS rebinding), but none of these. Port, case and a final dot do not
 * count; HTTP/1.0 need not send a `Host`. */
export const ownHosts = ({ publicUrl, allowedHosts, certificate }: Options) => {
  const settings = [...allowedHosts, ...(publicUrl ? [new URL(publicUrl).hostname] : [])]
  return (host: string | null): boolean => {
    const name = (host ?? '').toLowerCase().replace(PORT, '').replace(/\.$/, '')
    if (!name.includes('.') || IP_ADDRESS.test(name)) return true
    const names = [...settings, ...(certificate()?.names ?? []), ...machineNames()]
    return names.some((own) => matches(own.toLowerCase(), name))
  }
}

const PORT = /:\d*$/

/** Browsers write IPv4 addresses in decimal, and a name never ends in a number (WHATWG URL, 3.5). */
const IP_ADDRESS = /^\[.*\]$|\.\d+$/

/** Read each time, since the name of a machine can change. */
const machineNames = (): readonly string[] => {
  const name = hostname()
  return [name, `${name.split('.')[0]}.local`]
}

/** `*` stands for one label, as in certificates (RFC 9525). */
const matches = (own: string, name: string): boolean =>
  own === name || (own.startsWith('*.') && name.slice(name.indexOf('.')) === own.slice(1))
