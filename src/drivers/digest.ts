import { createHash } from 'node:crypto'
import type { Ask } from './request.ts'

type Proof = {
  readonly username: string
  readonly password: string
  /** A random client nonce. */
  readonly cnonce: string
}

/** Returns a request that answers a digest challenge (RFC 7616, SHA-256 with `qop=auth`); undefined for any other
 * challenge. */
export const withDigest = (
  ask: Ask,
  challenge: string,
  { username, password, cnonce }: Proof,
): Ask | undefined => {
  const { realm, nonce, qop, algorithm, opaque } = parametersOf(challenge)
  const isKnown =
    /^digest /i.test(challenge) &&
    algorithm?.toUpperCase() === 'SHA-256' &&
    qop?.split(/, */).includes('auth') === true
  if (!isKnown || realm === undefined || nonce === undefined) return undefined
  const { pathname, search } = new URL(ask.url)
  const uri = pathname + search
  const person = sha256(`${username}:${realm}:${password}`)
  const request = sha256(`${ask.method}:${uri}`)
  const response = sha256(`${person}:${nonce}:${COUNT}:${cnonce}:auth:${request}`)
  const parts = [
    ...[
      ['username', username],
      ['realm', realm],
      ['nonce', nonce],
      ['uri', uri],
      ['response', response],
      ['cnonce', cnonce],
      ...(opaque === undefined ? [] : [['opaque', opaque]]),
    ].map(([name, value = '']) => `${name}="${quoted(value)}"`),
    'algorithm=SHA-256',
    'qop=auth',
    `nc=${COUNT}`,
  ]
  return { ...ask, headers: { ...ask.headers, authorization: `Digest ${parts.join(', ')}` } }
}

/** Each nonce is used once. */
const COUNT = '00000001'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const quoted = (value: string): string => value.replaceAll(/["\\]/g, String.raw`\$&`)

/** Returns the parameters of a challenge; names are in lower case. */
const parametersOf = (challenge: string): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    [...challenge.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(
      ([, name = '', text, token]) => [
        name.toLowerCase(),
        text === undefined ? token : text.replaceAll(/\\(.)/g, '$1'),
      ],
    ),
  )
