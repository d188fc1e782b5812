import { doorWords } from '../../domain/text/door-words.ts'
import { ruleWords } from '../../domain/text/rule-words.ts'
import type { StoredTarget } from '../core/target-store.ts'

export type RuleNames = {
  /** Returns the name of a lock, or undefined if its label has none. */
  readonly lockName: (label: string) => Promise<string | undefined>
  /** Returns the name of an account now, or undefined if it is erased. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
}

/** Returns the rules of a target in words. Those of a person name nobody else. */
export const rulesInWords = async (
  { lockName, nameOf }: RuleNames,
  { rules, accountPublicId }: Pick<StoredTarget, 'rules' | 'accountPublicId'>,
): Promise<readonly string[]> => {
  const isOwn = accountPublicId !== null
  const locks = await found(
    rules.flatMap((rule) => rule.locks ?? []),
    lockName,
  )
  const people = await found(isOwn ? [] : rules.flatMap((rule) => rule.people ?? []), nameOf)
  return rules.map((rule) =>
    ruleWords(rule, {
      isOwn,
      door: (label) => doorWords(label, locks.get(label)),
      person: (publicId) => people.get(publicId),
    }),
  )
}

const found = async (
  keys: readonly string[],
  nameOf: (key: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string | undefined>> => {
  const names = new Map<string, string | undefined>()
  for (const key of new Set(keys)) names.set(key, await nameOf(key))
  return names
}
