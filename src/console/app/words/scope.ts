import { theDoor } from './door-name.ts'

/** What an access token may do, by its scope: `open the front door`. */
export const scopeWords = (scope: string): string => {
  const [about = '', action = '', lock] = scope.split(':')
  const kind = `${about}:${action}`
  if (lock !== undefined) return LOCK_SCOPES[kind]?.(theDoor(lock)) ?? scope
  return HOME_SCOPES[kind] ?? scope
}

const LOCK_SCOPES: Readonly<Record<string, (door: string) => string>> = {
  'unlocks:write': (door) => `record unlocks of ${door}`,
  'locks:operate': (door) => `open ${door}`,
}

const HOME_SCOPES: Readonly<Record<string, string>> = {
  'unlocks:read': 'read the log',
  'people:read': 'read who has an account',
  'metrics:read': 'read the metrics',
}

/** What it may do in all, as a part of a sentence. */
export const scopesWords = (scopes: readonly string[]): string =>
  new Intl.ListFormat('en', { type: 'conjunction' }).format(scopes.map(scopeWords))
