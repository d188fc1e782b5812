/** What the browser prefers, first to last, without what is no language (`en-US@posix`, with `LANG=C`). */
const LANGUAGES = navigator.languages.filter((language) => {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(language).length > 0
  } catch {
    return false
  }
})

/** The kind of English that this browser prefers, for what stands within a sentence. */
export const ENGLISH = LANGUAGES.find((language) => language.startsWith('en')) ?? 'en-GB'

/** The language of days and times of day: the first that this browser prefers. */
export const DATE_LANGUAGE = LANGUAGES[0] ?? 'en-GB'

/** `1 unlock`, `2,000 unlocks`. */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count.toLocaleString(ENGLISH)} ${count === 1 ? noun : plural}`

/** A length of time in whole units, rounded up so that nobody comes back too early. */
export const duration = (seconds: number): string => {
  if (seconds < 90) return counted(Math.ceil(seconds), 'second')
  const minutes = Math.ceil(seconds / 60)
  return minutes < 90 ? counted(minutes, 'minute') : counted(Math.ceil(minutes / 60), 'hour')
}

/** Ends a text with a full stop, unless it ends like a sentence already. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** `22 Nov 2026`: a day of the calendar (`2026-11-22`), independent of any zone. */
export const dayText = (day: string, options: Intl.DateTimeFormatOptions = {}): string =>
  new Intl.DateTimeFormat(DATE_LANGUAGE, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
    ...options,
  }).format(new Date(`${day}T00:00:00Z`))
