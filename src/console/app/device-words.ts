/** What a device calls itself (User-Agent), in words where it is a browser’s. */
export const deviceWords = (device: string): string => {
  if (!device) return 'An app without a name'
  if (!device.startsWith('Mozilla/')) return device
  const browser = BROWSERS.find(([sign]) => device.includes(sign))?.[1] ?? 'A browser'
  const system = SYSTEMS.find(([sign]) => device.includes(sign))?.[1]
  return system ? `${browser} on ${system}` : browser
}

/** In this order: many claim to be others, too. */
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
