/** Where a link leads, as far as its address tells. */
export type Reach = {
  /** The host, with its port if that is not the usual one. */
  readonly host: string
  /** `machine`: only this computer; `wifi`: only the network of the home; `names`: wherever that name leads to. */
  readonly from: 'machine' | 'wifi' | 'names'
  readonly isEncrypted: boolean
}

/** Returns from where a link to this address works. */
export const reachOf = (address: string): Reach => {
  const { protocol, host, hostname } = new URL(address)
  return {
    host,
    from: LOOPBACK.test(hostname) ? 'machine' : isOfHome(hostname) ? 'wifi' : 'names',
    isEncrypted: protocol === 'https:',
  }
}

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/

/** Private and link-local addresses (RFC 1918, 4193, 6598), and names that no public server knows. */
const isOfHome = (hostname: string): boolean =>
  PRIVATE_V4.test(hostname) ||
  /^\[f[cde]/.test(hostname) ||
  /^[^.:]+$/.test(hostname) ||
  /\.(local|lan|home|internal|arpa|box|localdomain)$/.test(hostname)

const PRIVATE_V4 =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)[\d.]+$/

type Pass = {
  readonly name: string
  /** What it opens and when: `Front door · Tue and Thu 09:00-13:00`. */
  readonly words: string
  readonly link: string
  /** Whether the guest's phone warns of the certificate. */
  readonly isWarned: boolean
  /** The Wi-Fi for guests, if they need one. */
  readonly wifi: string
  readonly wifiPassword: string
}

/** Returns the text to send to a guest. */
export const passText = ({ name, words, link, isWarned, wifi, wifiPassword }: Pass): string =>
  [
    `Hello ${name}, this link opens the door for you:`,
    link,
    words,
    wifiWords(reachOf(link), wifi.trim(), wifiPassword),
    'Open it on the phone that you will have with you: it is then tied to that phone.',
    isWarned
      ? 'Your phone will warn that the connection is not private, because it does not know our certificate. Choose “Advanced” or “Show Details”, and continue.'
      : '',
  ]
    .filter((line) => line !== '')
    .join('\n')

const wifiWords = ({ from }: Reach, wifi: string, password: string): string => {
  if (wifi === '') return from === 'wifi' ? 'It works only on our Wi-Fi.' : ''
  const secret = password === '' ? '' : `, password: ${password}`
  return from === 'wifi'
    ? `It works only on our Wi-Fi: ${wifi}${secret}`
    : `Our Wi-Fi: ${wifi}${secret}`
}

/** Returns the words of a grant without its holder, whom they begin with. */
export const withoutHolder = (words: string, name: string): string =>
  words.startsWith(`${name} · `) ? words.slice(name.length + 3) : words
