import { createHash, randomBytes } from 'node:crypto'
import { ACCESS_TOKEN_PREFIX } from '../../domain/account.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const RANDOM_BYTES = 32
/** 62^43 exceeds 2^256, and 62^6 exceeds 2^32. */
const RANDOM_DIGITS = 43
const CHECKSUM_DIGITS = 6

const PATTERN = new RegExp(
  `^${ACCESS_TOKEN_PREFIX}([0-9A-Za-z]{${RANDOM_DIGITS}})([0-9A-Za-z]{${CHECKSUM_DIGITS}})$`,
)

/** Returns a new access token: the prefix, 256 random bits and their CRC-32, all in base 62. The checksum
 * distinguishes a token from other text without a database, as in GitHub's format. */
export const newAccessToken = (): string => {
  const random = base62(BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`), RANDOM_DIGITS)
  return ACCESS_TOKEN_PREFIX + random + checksumOf(random)
}

/** Returns the SHA-256 of a token, or undefined for text that cannot be one. */
export const accessTokenHash = (text: string): Buffer | undefined => {
  const [, random = '', checksum] = PATTERN.exec(text) ?? []
  return checksum === checksumOf(random) ? createHash('sha256').update(text).digest() : undefined
}

const checksumOf = (random: string): string =>
  base62(BigInt(Bun.hash.crc32(random)), CHECKSUM_DIGITS)

const base62 = (number: bigint, digits: number): string => {
  let text = ''
  for (let rest = number; text.length < digits; rest /= 62n)
    text = DIGITS.charAt(Number(rest % 62n)) + text
  return text
}
