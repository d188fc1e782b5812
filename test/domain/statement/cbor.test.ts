import { expect, test } from 'bun:test'
import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import {
  NotDeterministic,
  type Scalar,
  cborReader,
  encodeMap,
} from '../../../src/domain/statement/cbor.ts'

const STRICT = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  useMaps: true,
}

const key = fc.oneof(
  fc.integer({ min: -70_020, max: 20 }),
  fc.integer({ min: -(2 ** 32) + 1, max: 2 ** 32 - 1 }),
)
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.maxSafeInteger().filter((value) => Math.abs(value) < Number.MAX_SAFE_INTEGER - 1),
  fc.integer({ min: -300, max: 70_000 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
)
const map = fc.array(fc.tuple(key, scalar), { maxLength: 12 }).map((pairs) => new Map(pairs))

/** Reads a map that takes all bytes, or returns undefined. */
const readHere = (bytes: Uint8Array): ReadonlyMap<number, Scalar> | undefined => {
  try {
    const reader = cborReader(bytes)
    const read = reader.map()
    reader.end()
    return read
  } catch (error) {
    if (error instanceof NotDeterministic) return undefined
    throw error
  }
}

/** The same by cborg. It accepts keys in another order, so the bytes must be those that it would write. */
const readByCborg = (bytes: Uint8Array): ReadonlyMap<number, Scalar> | undefined => {
  try {
    const read: unknown = decode(bytes, STRICT)
    const isOurs =
      read instanceof Map &&
      [...(read as ReadonlyMap<unknown, unknown>)].every(
        ([label, value]) =>
          Number.isSafeInteger(label) &&
          Math.abs(Number(label)) < 2 ** 32 &&
          (typeof value === 'string' || value instanceof Uint8Array || isInteger(value)),
      )
    return isOurs && Buffer.from(encode(read, rfc8949EncodeOptions)).equals(bytes)
      ? (read as ReadonlyMap<number, Scalar>)
      : undefined
  } catch {
    return undefined
  }
}

const isInteger = (value: unknown): boolean =>
  Number.isSafeInteger(value) && Math.abs(Number(value)) < Number.MAX_SAFE_INTEGER - 1

test('maps are encoded as cborg encodes them by RFC 8949, and read back', () => {
  fc.assert(
    fc.property(map, (entries) => {
      const bytes = encodeMap(entries)
      expect(bytes.toHex()).toBe(Buffer.from(encode(entries, rfc8949EncodeOptions)).toString('hex'))
      expect(new Map(readHere(bytes))).toEqual(entries)
    }),
    { numRuns: 500 },
  )
})

test('what is read of damaged bytes is exactly what cborg reads and would write again', () => {
  const damaged = fc
    .tuple(
      map,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 0, maxLength: 3 }),
      fc.nat(3),
    )
    .map(([entries, changes, cut]) => {
      const bytes = Uint8Array.from(encodeMap(entries))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes.slice(0, bytes.length - cut)
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      expect(readHere(bytes)).toEqual(readByCborg(bytes))
    }),
    { numRuns: 3000 },
  )
})
