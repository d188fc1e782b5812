/** Turns a User-Agent header into words, if it is a browser's: `Firefox on Android`. */
export const describeUserAgent = (userAgent: string): string => {
  if (!userAgent) return 'Unnamed app'
  if (!userAgent.startsWith('Mozilla/')) return userAgent
  const browser = BROWSERS.find(([token]) => userAgent.includes(token))?.[1] ?? 'Browser'
  const system = SYSTEMS.find(([token]) => userAgent.includes(token))?.[1]
  return system ? `${browser} on ${system}` : browser
}

/** In this order, because many browsers also claim to be others. */
const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['FxiOS/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['CriOS/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const

const SYSTEMS = [
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Android', 'Android'],
  ['Windows', 'Windows'],
  ['CrOS', 'ChromeOS'],
  ['Mac OS X', 'Mac'],
  ['Linux', 'Linux'],
] as const
