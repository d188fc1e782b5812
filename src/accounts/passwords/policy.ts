import { readFileSync } from 'node:fs'
import { AppError } from '../../errors.ts'
import { problem } from '../../http/answers.ts'
import { codePoints } from '../../http/request/text.ts'
import blocklistPath from './common-passwords.txt' with { type: 'file' }

export type PasswordPolicy = ReturnType<typeof passwordPolicy>

type Options = {
  readonly minLength: number
  readonly useBlocklist: boolean
}

/** Which passwords people may choose. */
export const passwordPolicy = (options: Options) => {
  const isWeak = weakPasswordCheck(options)
  const rule = passwordRule(options.minLength)
  return {
    /** What a new password needs, for a page to say beforehand. */
    rule,

    /** Throws `invalid` for a weak password; `field` is its name in the request. */
    requireStrong: (password: string, { username, field }: Chosen): void => {
      if (!isWeak(password, username)) return
      throw new AppError('invalid', `Weak password: ${rule}`, {
        reason: 'weak_password',
        contractMessage: 'Weak password',
        fields: { [field]: rule },
      })
    },
  }
}

type Chosen = { readonly username: string; readonly field: 'password' | 'new_password' }

const passwordRule = (minLength: number): string =>
  `use at least ${minLength} characters, not a common password, and more than the username`

/** How a weak password is refused under `/v1`. */
export const WEAK_PASSWORD = problem(400, 'weak_password', `Weak password: ${passwordRule(8)}`)

/** Words of this product; a password of little else is as easy to guess as the username. */
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

/** Characters that a password needs besides the username or the product's words. */
const OTHER_CHARACTERS_MIN = 4

/** Returns a check that is true for weak passwords: too short (code points after NFKC), among the most
 * common, or little more than the username or the product's name. There are no composition rules
 * (NIST SP 800-63B). */
export const weakPasswordCheck = (options: Options) => {
  // Read when the first password is chosen, not at startup.
  let blocklist: ReadonlySet<string> | undefined
  return (password: string, username: string): boolean => {
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

/** Returns a word as an attacker would guess it: without case and invisible characters. */
const comparable = (word: string): string =>
  word
    .normalize('NFKC')
    .replaceAll(/[\p{Cf}\p{Cc}\s]/gu, '')
    .toLowerCase()

/** One to four characters, repeated. */
const REPETITION = /^(?<part>.{1,4})\k<part>+$/u

/** Punctuation between the words is ignored: `Secure-Lock-1!` is `securelock1`. */
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
