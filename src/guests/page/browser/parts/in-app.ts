/** Apps that show links in a browser of their own, by what they add to its name. */
const APPS = [
  [/FBAN|FBAV|FB_IAB/, 'Facebook'],
  [/Instagram/, 'Instagram'],
  [/WhatsApp/, 'WhatsApp'],
  [/\bLine\//, 'LINE'],
  [/Snapchat/, 'Snapchat'],
  [/musical_ly|BytedanceWebview|TikTok/, 'TikTok'],
  [/MicroMessenger/, 'WeChat'],
  [/LinkedInApp/, 'LinkedIn'],
  [/Telegram/, 'Telegram'],
  [/Twitter/, 'X'],
  [/\bGSA\//, 'the Google app'],
] as const

/** Returns which app shows this page, as far as its browser says, or undefined for a browser of its own. What it stores
 * cannot be used elsewhere. */
export const inApp = (userAgent: string): string | undefined => {
  const known = APPS.find(([mark]) => mark.test(userAgent))?.[1]
  if (known !== undefined) return known
  const isWebView =
    /; wv\)/.test(userAgent) || (/iPhone|iPad|iPod/.test(userAgent) && !/Safari\//.test(userAgent))
  return isWebView ? 'another app' : undefined
}

/** The browser that a link should be opened in instead. */
export const ownBrowser = (userAgent: string): string =>
  /iPhone|iPad|iPod/.test(userAgent) ? 'Safari' : 'Chrome'
