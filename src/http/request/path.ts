/** False for a path with an escape that cannot be decoded, such as `%ff`: there is no such path. */
export const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
