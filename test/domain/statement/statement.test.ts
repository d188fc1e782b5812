import { expect, test } from 'bun:test'
import { encodeArray, encodeMap, encodeScalar, joined } from '../../../src/domain/statement/cbor.ts'
import type { Scalar } from '../../../src/domain/statement/cbor.ts'
import { lockClaim, REPORT_RESULTS, toLabels } from '../../../src/domain/statement/claims.ts'
import type { Claims, ReportResult } from '../../../src/domain/statement/claims.ts'
import { exportPrivateKey, importKeyPair, makeKeyPair } from '../../../src/domain/statement/p256.ts'
import { publicKeyOf, signWith } from '../../../src/domain/statement/p256.ts'
import { codeNonce, openStatement, payloadHash } from '../../../src/domain/statement/statement.ts'
import {
  sha256,
  signStatement,
  STATEMENT_BYTES_MAX,
} from '../../../src/domain/statement/statement.ts'
import { EXAMPLES, OTHER_KINDS, testKey } from '../../support/statements.ts'

const key = await testKey()
const [knock, command, report] = EXAMPLES as [Claims, Claims, Claims]

const HEADER = Uint8Array.of(0xa1, 0x01, 0x26)
const EMPTY_MAP = Uint8Array.of(0xa0)

/** Signs any payload correctly, as ours or not. */
const signedPayload = async (payload: Uint8Array): Promise<Uint8Array> => {
  const toSign = encodeArray(
    ['Signature1', HEADER, new Uint8Array(), payload].map((item) => encodeScalar(item)),
  )
  // A signature whose S is low: every second one is.
  for (;;) {
    const signature = await key.sign(toSign)
    const statement = envelope(HEADER, payload, signature)
    if ((signature[32] ?? 0) < 0x7f) return statement
  }
}

const envelope = (header: Uint8Array, payload: Uint8Array, signature: Uint8Array): Uint8Array =>
  encodeArray([encodeScalar(header), EMPTY_MAP, encodeScalar(payload), encodeScalar(signature)])

const labelsOf = (claims: Claims): Map<number, Scalar> => new Map(toLabels(claims))

const openedAsIts = (claims: Claims, bytes: Uint8Array) =>
  openStatement(claims.kind, bytes, key.publicKey)

for (const claims of EXAMPLES)
  test(`a ${claims.kind} says what was signed, to who asks for one, and to nobody else`, async () => {
    const bytes = await signStatement(claims, key.sign)
    expect(await openedAsIts(claims, bytes)).toStrictEqual(claims)
    for (const other of OTHER_KINDS(claims.kind))
      expect(await openStatement(other, bytes, key.publicKey)).toBeUndefined()
    const { publicKey } = await testKey()
    expect(await openStatement(claims.kind, bytes, publicKey)).toBeUndefined()
  })

test('no bit of a statement may be another, no byte missing, and none added', async () => {
  for (const claims of EXAMPLES) {
    const bytes = await signStatement(claims, key.sign)
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect([bit, await openedAsIts(claims, flipped)]).toStrictEqual([bit, undefined])
    }
    for (let length = 0; length < bytes.length; length += 1)
      expect(await openedAsIts(claims, bytes.subarray(0, length))).toBeUndefined()
    expect(await openedAsIts(claims, joined(bytes, Uint8Array.of(0)))).toBeUndefined()
  }
})

test('a signature with a high S is refused, though it verifies', async () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const low = await signStatement(knock, key.sign)
  const s = BigInt(`0x${low.slice(-32).toHex()}`)
  const high = joined(
    low.slice(0, -32),
    Uint8Array.fromHex((order - s).toString(16).padStart(64, '0')),
  )
  const payload = encodeMap(labelsOf(knock))
  const verifyKey = await crypto.subtle.importKey(
    'raw',
    new Uint8Array(key.publicKey),
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['verify'],
  )
  const toVerify = encodeArray(
    ['Signature1', HEADER, new Uint8Array(), payload].map((item) => encodeScalar(item)),
  )
  const verifies = await crypto.subtle.verify(
    { name: 'ECDSA', hash: 'SHA-256' },
    verifyKey,
    high.slice(-64),
    new Uint8Array(toVerify),
  )
  expect(verifies).toBe(true)
  expect(await openedAsIts(knock, high)).toBeUndefined()
  // Half of what is signed would have a high S.
  for (let round = 0; round < 16; round += 1) {
    const bytes = await signStatement(knock, key.sign)
    expect(2n * BigInt(`0x${bytes.slice(-32).toHex()}`) < order).toBe(true)
  }
})

test('a payload that is signed but not exactly ours is refused', async () => {
  const ours = labelsOf(command)
  expect(await openedAsIts(command, await signedPayload(encodeMap(ours)))).toStrictEqual(command)

  const changed = (label: number, value: Scalar | undefined): Uint8Array => {
    const labels = labelsOf(command)
    if (value === undefined) labels.delete(label)
    else labels.set(label, value)
    return encodeMap(labels)
  }
  const sorted = [...ours].toSorted(
    ([a], [b]) => Number(a < 0) - Number(b < 0) || Math.abs(a) - Math.abs(b),
  )
  const entries = sorted.map(([label, value]) => joined(encodeScalar(label), encodeScalar(value)))
  const count = Uint8Array.of(0xa0 + ours.size)
  expect(encodeMap(ours)).toStrictEqual(joined(count, ...entries))
  const [first = count, second = count, ...others] = entries
  const issuedAt = entries[2] ?? count

  const refused: Readonly<Record<string, Uint8Array>> = {
    'a claim is missing': changed(10, undefined),
    'a claim too many': changed(-70_006, 5),
    'an unknown claim': changed(99, 5),
    'no kind': changed(-70_004, undefined),
    'a nonce of 15 bytes': changed(10, new Uint8Array(15)),
    'a nonce as text': changed(10, '0123456789abcdef'),
    'a time as text': changed(6, '1796025600'),
    'a negative time': changed(6, -1),
    'it expires later': changed(4, 1_796_025_611),
    'keys in another order': joined(count, second, first, ...others),
    'a key twice': joined(Uint8Array.of(0xa1 + ours.size), first, first, second, ...others),
    'a map without a length': joined(Uint8Array.of(0xbf), ...entries, Uint8Array.of(0xff)),
    'a map with a long length': joined(Uint8Array.of(0xb8, ours.size), ...entries),
    'an integer in 8 bytes': joined(
      count,
      first,
      second,
      Uint8Array.of(6, 0x1b, 0, 0, 0, 0),
      issuedAt.slice(2),
      ...entries.slice(3),
    ),
    'a time as a float': joined(
      count,
      first,
      second,
      Uint8Array.of(6, 0xfa, 0x4e, 0xd6, 0x1a, 0xb1),
      ...entries.slice(3),
    ),
    'bytes after the map': joined(encodeMap(ours), Uint8Array.of(0)),
    'an array instead of a map': encodeArray([encodeScalar(3)]),
    nothing: new Uint8Array(),
  }
  for (const [what, payload] of Object.entries(refused))
    expect([what, await openedAsIts(command, await signedPayload(payload))]).toStrictEqual([
      what,
      undefined,
    ])
})

test('a result that no controller reports is refused', async () => {
  const labels = labelsOf(report)
  labels.set(-70_008, 'exploded')
  expect(await openedAsIts(report, await signedPayload(encodeMap(labels)))).toBeUndefined()
  for (const result of REPORT_RESULTS) {
    labels.set(-70_008, result satisfies ReportResult)
    const opened = await openedAsIts(report, await signedPayload(encodeMap(labels)))
    expect(opened).toMatchObject({ result })
  }
})

test('another envelope around the same payload and signature is refused', async () => {
  const bytes = await signStatement(knock, key.sign)
  const payload = encodeMap(toLabels(knock))
  const signature = bytes.slice(-64)
  expect(envelope(HEADER, payload, signature)).toStrictEqual(bytes)
  const body = bytes.slice(1)
  const refused: Readonly<Record<string, Uint8Array>> = {
    'with tag 18': joined(Uint8Array.of(0xd2), bytes),
    'without a length': joined(Uint8Array.of(0x9f), body, Uint8Array.of(0xff)),
    'with a long length': joined(Uint8Array.of(0x98, 4), body),
    'with five items': joined(Uint8Array.of(0x85), body, Uint8Array.of(0)),
    'with an unprotected header': joined(
      Uint8Array.of(0x84, 0x43),
      HEADER,
      Uint8Array.of(0xa1, 4, 0x41, 0),
      bytes.slice(6),
    ),
    'with a map as the protected header': joined(Uint8Array.of(0x84), HEADER, bytes.slice(5)),
    'for another algorithm': envelope(Uint8Array.of(0xa1, 1, 0x27), payload, signature),
    'with the signature as text': joined(bytes.slice(0, -66), Uint8Array.of(0x78, 64), signature),
    'with the payload in pieces': joined(
      bytes.slice(0, 6),
      Uint8Array.of(0x5f),
      encodeScalar(payload),
      Uint8Array.of(0xff, 0x58, 64),
      signature,
    ),
    'with a DER signature': envelope(HEADER, payload, joined(Uint8Array.of(0x30), signature)),
    'a megabyte of open arrays': new Uint8Array(2 ** 20).fill(0x81),
  }
  for (const [what, altered] of Object.entries(refused))
    expect([what, await openedAsIts(knock, altered)]).toStrictEqual([what, undefined])
})

test('claims that could not be read back are not signed', async () => {
  const malformed: readonly Claims[] = [
    { ...(knock as Extract<Claims, { kind: 'knock' }>), lock: '8a5b' },
    { ...(knock as Extract<Claims, { kind: 'knock' }>), attempt: 'no uuid' },
    { ...(knock as Extract<Claims, { kind: 'knock' }>), counter: 0 },
    { kind: 'succession', issuedAtS: -1, publicKey: key.publicKey },
    { kind: 'succession', issuedAtS: 1, publicKey: new Uint8Array(65) },
  ]
  for (const claims of malformed)
    expect(
      await signStatement(claims, key.sign).then(
        () => 'signed',
        (error: unknown) => error instanceof RangeError,
      ),
    ).toBe(true)
})

test('bytes that are not a public key verify nothing', async () => {
  const bytes = await signStatement(knock, key.sign)
  const offCurve = Uint8Array.from(key.publicKey)
  offCurve[64] = (offCurve[64] ?? 0) ^ 1
  for (const publicKey of [offCurve, key.publicKey.slice(0, 64), new Uint8Array(65)])
    expect(await openStatement('knock', bytes, publicKey)).toBeUndefined()
})

test('the hash of a payload is that of the signed claims, whoever signed them', async () => {
  const hash = await sha256(encodeMap(toLabels(report)))
  expect(await payloadHash(await signStatement(report, key.sign))).toStrictEqual(hash)
  const other = await testKey()
  expect(await payloadHash(await signStatement(report, other.sign))).toStrictEqual(hash)
})

test('an enrolment names the first half of the SHA-256 of its code', async () => {
  // SHA-256 of 'abc' (FIPS 180-4, example).
  expect((await codeNonce('abc')).toHex()).toBe('ba7816bf8f01cfea414140de5dae2223')
})

test('a statement takes less than half of what is read at most', async () => {
  for (const claims of EXAMPLES)
    expect((await signStatement(claims, key.sign)).length).toBeLessThan(STATEMENT_BYTES_MAX / 2)
})

test('a key pair is the same after it was stored', async () => {
  const pair = await makeKeyPair(true)
  const stored = await importKeyPair(await exportPrivateKey(pair))
  expect(await publicKeyOf(stored)).toStrictEqual(await publicKeyOf(pair))
  const bytes = await signStatement(knock, signWith(stored.privateKey))
  expect(await openStatement('knock', bytes, await publicKeyOf(pair))).toStrictEqual(
    knock as Extract<Claims, { kind: 'knock' }>,
  )
})

test('a lock stands in statements as the last 8 bytes of its id', () => {
  expect(lockClaim('0198a3f0-7c1d-7e52-8A5B-E4C76E2F13D0')).toBe('8a5be4c76e2f13d0')
})
