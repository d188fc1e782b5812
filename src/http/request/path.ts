/** False for a path with an escape that cannot be decoded, such as `%ff`, or with a NUL, which no id contains and
 * PostgreSQL cannot compare: there is no such path. */
export const isDecodable = (path: string): boolean => {
  try {
    return !decodeURIComponent(path).includes('\0')
  } catch {
    return false
  }
}
