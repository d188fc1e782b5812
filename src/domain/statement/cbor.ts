/** What a statement is made of: integers, text and bytes. */
export type Scalar = number | string | Uint8Array

/** Thrown for bytes that are not CBOR of the one form that statements have. */
export class NotDeterministic extends Error {}

// A part of CBOR (RFC 8949) in its deterministic encoding (section 4.2.1): integers, text, bytes, and maps of them by
// integers. No library does both: cborg, the strictest, cannot refuse map keys in another order, and takes 22 KB of the
// 30 KB that a guest's page may have. Tests compare this file with cborg.

const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const ARRAY = 4
const MAP = 5

/** Encodes an integer, text or bytes. Integers are those that a number holds exactly. */
export const encodeScalar = (value: Scalar): Uint8Array => {
  if (typeof value === 'number')
    return value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value)
  if (typeof value !== 'string') return joined(head(BYTES, value.length), value)
  const utf8 = new TextEncoder().encode(value)
  return joined(head(TEXT, utf8.length), utf8)
}

/** Encodes an array of items that are encoded already. */
export const encodeArray = (items: readonly Uint8Array[]): Uint8Array =>
  joined(head(ARRAY, items.length), ...items)

/** Encodes a map, its keys in the order of their encoded bytes. */
export const encodeMap = (entries: ReadonlyMap<number, Scalar>): Uint8Array => {
  const sorted = [...entries].sort(([a], [b]) => rank(a) - rank(b))
  return joined(
    head(MAP, sorted.length),
    ...sorted.flatMap(([key, value]) => [encodeScalar(key), encodeScalar(value)]),
  )
}

/** Orders integers as their encoded bytes are ordered: 0, 1, 2, …, then -1, -2, …; exact for those of 32 bits. */
const rank = (key: number): number => (key < 0 ? 2 ** 33 - key : key)

const head = (major: number, argument: number): Uint8Array => {
  const type = major << 5
  if (argument < 24) return Uint8Array.of(type | argument)
  if (argument < 2 ** 8) return Uint8Array.of(type | 24, argument)
  const bytes = argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
  const info = { 2: 25, 4: 26, 8: 27 }[bytes]
  const encoded = new Uint8Array(1 + bytes)
  encoded[0] = type | info
  for (let at = bytes, rest = argument; at > 0; at -= 1, rest = Math.floor(rest / 256))
    encoded[at] = rest % 256
  return encoded
}

/** Concatenates bytes. */
export const joined = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Reads items one after another. Each function throws `NotDeterministic` unless the next item is of its type and
 * in the one form that `encodeScalar`, `encodeArray` or `encodeMap` writes. */
export const cborReader = (bytes: Uint8Array) => {
  let at = 0

  const take = (length: number): Uint8Array<ArrayBuffer> => {
    if (length > bytes.length - at) throw new NotDeterministic('too short')
    at += length
    // A copy, since `slice` of a Buffer would share its memory.
    return new Uint8Array(bytes.subarray(at - length, at))
  }

  const readHead = (): { readonly major: number; readonly argument: number } => {
    const [first = 0] = take(1)
    const info = first & 31
    if (info < 24) return { major: first >> 5, argument: info }
    if (info > 27) throw new NotDeterministic('an indefinite length, or a reserved one')
    const argument = take(2 ** (info - 24)).reduce((sum, byte) => sum * 256 + byte, 0)
    const least = { 24: 24, 25: 2 ** 8, 26: 2 ** 16, 27: 2 ** 32 }[info] ?? 0
    if (argument < least) throw new NotDeterministic('not the shortest form')
    if (argument >= Number.MAX_SAFE_INTEGER) throw new NotDeterministic('too large')
    return { major: first >> 5, argument }
  }

  const lengthOf = (major: number): number => {
    const read = readHead()
    if (read.major !== major) throw new NotDeterministic('another type')
    return read.argument
  }

  const scalar = (): Scalar => {
    const { major, argument } = readHead()
    if (major === UNSIGNED) return argument
    if (major === NEGATIVE) return -1 - argument
    if (major === BYTES) return take(argument)
    if (major === TEXT) return text(take(argument))
    throw new NotDeterministic('another type')
  }

  const map = (): ReadonlyMap<number, Scalar> => {
    const entries = new Map<number, Scalar>()
    let last = -1
    for (let left = lengthOf(MAP); left > 0; left -= 1) {
      const key = scalar()
      if (typeof key !== 'number' || Math.abs(key) >= 2 ** 32 || rank(key) <= last)
        throw new NotDeterministic('a key that is no integer, out of order, or there twice')
      last = rank(key)
      entries.set(key, scalar())
    }
    return entries
  }

  return {
    scalar,
    map,
    /** Reads the head of an array, and returns its length. */
    array: () => lengthOf(ARRAY),
    bytes: () => take(lengthOf(BYTES)),
    end: () => {
      if (at !== bytes.length) throw new NotDeterministic('bytes after the end')
    },
  }
}

const text = (utf8: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(utf8)
  } catch {
    throw new NotDeterministic('text that is not UTF-8')
  }
}
