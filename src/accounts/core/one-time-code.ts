import { createHash } from 'node:crypto'

/** Crockford's base32, which has no letter that looks like a digit. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const GROUPS = 7
const DIGITS_PER_GROUP = 4

/** Creates a code of 140 random bits that a person can read out and type: seven groups of four,
 * such as `7QJK-…`. */
export const newOneTimeCode = (): string => {
  const random = crypto.getRandomValues(new Uint8Array(GROUPS * DIGITS_PER_GROUP))
  const digits = Array.from(random, (byte) => DIGITS.charAt(byte % DIGITS.length))
  return Array.from({ length: GROUPS }, (_, group) =>
    digits.slice(group * DIGITS_PER_GROUP, (group + 1) * DIGITS_PER_GROUP).join(''),
  ).join('-')
}

/** Returns the SHA-256 of a code as it was typed. Case, width, hyphens and spaces do not matter, nor does
 * an O for 0 or an I or L for 1. */
export const hashOneTimeCode = (typed: string): Buffer =>
  createHash('sha256').update(plainCode(typed)).digest()

const plainCode = (typed: string): string =>
  typed
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
