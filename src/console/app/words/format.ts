/** The kind of English that this browser prefers. */
export const LOCALE = navigator.languages.find((language) => language.startsWith('en')) ?? 'en-GB'

/** `1 unlock`, `2,000 unlocks`. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString(LOCALE)} ${noun}${count === 1 ? '' : 's'}`

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
  new Intl.DateTimeFormat(LOCALE, {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
    ...options,
  }).format(new Date(`${day}T00:00:00Z`))
