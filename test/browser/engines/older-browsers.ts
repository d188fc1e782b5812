import bcd, { type CompatStatement, type Identifier } from '@mdn/browser-compat-data'
import { OLDEST_BROWSERS } from '../../../src/http/page/browser-bundle.ts'

/** The oldest supported browsers under the names of the compatibility data. */
const OLDEST = { ...OLDEST_BROWSERS, safari_ios: OLDEST_BROWSERS.safari } as const
type Browser = keyof typeof OLDEST

/** Something that a program can use: a global, or a member of one. */
export type Feature = {
  readonly owner: string
  readonly member?: string
  /** Undefined if it may be either: the data does not tell for builtins. */
  readonly isStatic?: boolean
  /** Whether every one of the oldest browsers has it. */
  readonly isEverywhere: boolean
}

const isEverywhere = ({ support }: CompatStatement): boolean =>
  (Object.keys(OLDEST) as Browser[]).every((browser) =>
    [support[browser] ?? []]
      .flat()
      .some(
        ({
          version_added: added,
          version_removed: removed,
          flags,
          prefix,
          alternative_name: name,
        }) =>
          typeof added === 'string' &&
          !removed &&
          !flags &&
          !prefix &&
          !name &&
          isAtMost(added, OLDEST[browser]),
      ),
  )

const isAtMost = (version: string, least: string): boolean => {
  const parts = (text: string) => text.replace('≤', '').split('.').map(Number)
  const [major = Infinity, minor = 0] = parts(version)
  const [majorMost = 0, minorMost = 0] = parts(least)
  return major < majorMost || (major === majorMost && minor <= minorMost)
}

const membersOf = (of: Identifier = {}): readonly (readonly [string, Identifier])[] =>
  Object.entries(of).flatMap(([name, member]) =>
    name === '__compat' ? [] : [[name, member as Identifier] as const],
  )

const featuresOf = (owners: Identifier | undefined, tellsStatic: boolean): readonly Feature[] =>
  membersOf(owners).flatMap(([owner, { __compat: own, ...members }]) => [
    ...(own ? [{ owner, isEverywhere: isEverywhere(own) }] : []),
    ...membersOf(members as Identifier).flatMap(([name, { __compat: compat }]) =>
      compat && name !== owner && !/_(event|permission)$/.test(name)
        ? {
            owner,
            member: name.replace(/_static$/, ''),
            ...(tellsStatic && { isStatic: name.endsWith('_static') }),
            isEverywhere: isEverywhere(compat),
          }
        : [],
    ),
  ])

export const BUILTINS = featuresOf(bcd.javascript['builtins'], false)
export const WEB_APIS = featuresOf(bcd.api, true)

/** The properties of CSS that every one of the oldest browsers has. */
export const CSS_PROPERTIES: ReadonlySet<string> = new Set(
  membersOf(bcd.css['properties']).flatMap(([name, { __compat: compat }]) =>
    compat && isEverywhere(compat) ? [name] : [],
  ),
)

const GAPS = [...BUILTINS, ...WEB_APIS].filter((feature) => !feature.isEverywhere)

/** A script that takes from a new browser everything that one of the oldest lacks, before a page runs. */
export const TAKE_AWAY = `for (const [owner, member, isStatic] of ${JSON.stringify(
  GAPS.map(({ owner, member, isStatic }) => [owner, member ?? null, isStatic ?? null]),
)}) {
  const found = globalThis[owner]
  if (member === null) delete globalThis[owner]
  else if (found) {
    if (isStatic !== false) delete found[member]
    if (isStatic !== true && found.prototype) delete found.prototype[member]
  }
}
// Every supported browser has it, and Firefox refuses it where cookies are blocked.
delete globalThis.BroadcastChannel`
