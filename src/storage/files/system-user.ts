import { readFileSync } from 'node:fs'

/** Returns the name of a user of this system, or the number if there is none. */
export const userName = (uid: number): string => {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
    const found = lines.map((line) => line.split(':')).find(([, , id]) => id === String(uid))
    return found?.[0] || String(uid)
  } catch {
    return String(uid)
  }
}
