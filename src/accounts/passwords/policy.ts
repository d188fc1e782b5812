import { readFileSync } from 'node:fs'
import { codePoints } from '../../http/request/text.ts'
import blocklistPath from './common-passwords.txt' with { type: 'file' }

export type WeakPasswordCheck = (password: string, username: string) => boolean

/** Words of this product; a password of little else is as easily guessed as the user name. */
const PRODUCT_WORDS = [
  'securelock',
  'secure',
  'smartlock',
  'frontdoor',
  'unlock',
  'lock',
  'door',
  'server',
]

/** Characters that a password needs beside the user name or the product's words. */
const OTHER_CHARACTERS_MIN = 4

/** Tells whether a password is weak: too short (code points after NFKC), among the commonest, or
 * little more than the user name or the product's name. No rules of composition (NIST SP 800-63B). */
export const weakPasswordCheck = (options: {
  readonly minLength: number
  readonly useBlocklist: boolean
}): WeakPasswordCheck => {
  // Made when the first password is chosen, not at the start.
  let blocklist: ReadonlySet<string> | undefined
  return (password, username) => {
    const plain = comparable(password)
    blocklist ??= options.useBlocklist ? blockedPasswords() : new Set()
    return (
      codePoints(password.normalize('NFKC')) < options.minLength ||
      plain === '' ||
      blocklist.has(plain) ||
      REPETITION.test(plain) ||
      codePoints(without(plain, [comparable(username)])) < OTHER_CHARACTERS_MIN ||
      isMadeOfProductWords(plain)
    )
  }
}

/** As a guesser sees it: without case, and without signs that nobody sees. */
const comparable = (word: string): string =>
  word
    .normalize('NFKC')
    .replaceAll(/[\p{Cf}\p{Cc}\s]/gu, '')
    .toLowerCase()

/** One to four characters over and over. */
const REPETITION = /^(?<part>.{1,4})\k<part>+$/u

/** Signs between the words hide nothing: `Secure-Lock-1!` is `securelock1`. */
const isMadeOfProductWords = (plain: string): boolean => {
  const letters = plain.replaceAll(/[^\p{L}\p{N}]/gu, '')
  const others = without(letters, PRODUCT_WORDS)
  return others !== letters && codePoints(others) < OTHER_CHARACTERS_MIN
}

const without = (password: string, words: readonly string[]): string =>
  words.reduce((rest, word) => (word ? rest.replaceAll(word, '') : rest), password)

const blockedPasswords = (): ReadonlySet<string> =>
  new Set(
    readFileSync(blocklistPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('# ')),
  )
