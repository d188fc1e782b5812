import { createHash } from 'node:crypto'

/** Crockford's base32: no letter that looks like a digit. */
const SIGNS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const GROUPS = 7
const SIGNS_PER_GROUP = 4

/** A code of 140 random bits that a person can read out and type: `7QJK-…`, seven groups of four. */
export const newOneTimeCode = (): string => {
  const random = crypto.getRandomValues(new Uint8Array(GROUPS * SIGNS_PER_GROUP))
  const signs = Array.from(random, (byte) => SIGNS.charAt(byte % SIGNS.length))
  return Array.from({ length: GROUPS }, (_, group) =>
    signs.slice(group * SIGNS_PER_GROUP, (group + 1) * SIGNS_PER_GROUP).join(''),
  ).join('-')
}

/** SHA-256 of a code however it was typed: case, hyphens and spaces do not matter, nor does an O for
 * 0 or an I or L for 1. */
export const hashOneTimeCode = (typed: string): Buffer =>
  createHash('sha256').update(plainCode(typed)).digest()

const plainCode = (typed: string): string =>
  typed
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
