/** False for a path with an escape that cannot be decoded, such as `%ff`: there is no such path. */
export const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/** The same for the parameters of a route: Elysia passes null for one that cannot be decoded, and the rest
 * of a path (`*`) as it was sent. */
export const areDecodable = (params: Readonly<Record<string, string | null>>): boolean =>
  !Object.values(params).includes(null) && isDecodable(params['*'] ?? '')
