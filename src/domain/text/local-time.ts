/** Formats a time of day as people read it here, `2026-11-29 18:04:05`. By hand, because loading Intl would
 * cost every start some milliseconds and megabytes. */
export const localTime = (at: Date): string => {
  const [day, time] = [
    [at.getFullYear(), at.getMonth() + 1, at.getDate()],
    [at.getHours(), at.getMinutes(), at.getSeconds()],
  ].map((parts) => parts.map((part) => String(part).padStart(2, '0')))
  return `${day?.join('-')} ${time?.join(':')}`
}

/** Text with every time of RFC 3339 in UTC replaced by the local one. */
export const withLocalTimes = (text: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) => localTime(new Date(time)))
