/** What a User-Agent header calls a device, in the order in which they are tried: an iPad says Macintosh too, and
 * Android says Linux. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android.*Mobile/, 'Android phone'],
  [/Android/, 'Android tablet'],
  [/Macintosh/, 'Mac'],
  [/Windows/, 'Windows PC'],
  [/CrOS/, 'Chromebook'],
  [/Linux/, 'Linux PC'],
]

/** Returns a word for a device by its User-Agent header, such as `iPhone`; nothing else of that header is kept. */
export const deviceName = (userAgent: string): string =>
  NAMES.find(([pattern]) => pattern.test(userAgent))?.[1] ?? 'Unknown device'

/** The marks of browsers inside apps. Their cookies and keys are not those of the phone's own browser. */
const IN_APP =
  /\b(?:FBAN|FBAV|FB_IAB|Instagram|WhatsApp|Line\/|MicroMessenger|Snapchat|TikTok|musical_ly|BytedanceWebview|Twitter|LinkedInApp|Pinterest|Telegram|KAKAOTALK|GSA\/)|; wv\)/i

/** Returns whether a page is shown inside an app, where a pass would stay. */
export const isInApp = (userAgent: string): boolean => IN_APP.test(userAgent)
