import { join } from 'node:path'
import { encodeArray, encodeMap, encodeScalar, joined } from '../../src/domain/statement/cbor.ts'
import type { Scalar } from '../../src/domain/statement/cbor.ts'
import { type Claims, toLabels } from '../../src/domain/statement/claims.ts'
import {
  exportPrivateKey,
  makeKeyPair,
  publicKeyOf,
  signWith,
} from '../../src/domain/statement/p256.ts'
import {
  NO_PREVIOUS,
  codeNonce,
  payloadHash,
  signStatement,
} from '../../src/domain/statement/statement.ts'

// Writes vectors.json with new keys. Run by hand, and only if the format changes: the vectors are in the manual.

const HEADER = Uint8Array.of(0xa1, 0x01, 0x26)
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const LOCK = '8a5be4c76e2f13d0'
const ATTEMPT = '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0'
const CODE = '4f1c0d9e8b7a65544332211000ffeedd'
const NONCE = Uint8Array.fromHex('00112233445566778899aabbccddeeff')

const makeKey = async () => {
  const pair = await makeKeyPair(true)
  const publicKey = await publicKeyOf(pair)
  const pkcs8 = await exportPrivateKey(pair)
  return {
    sign: signWith(pair.privateKey),
    publicKey,
    hex: { public: publicKey.toHex(), pkcs8: pkcs8.toHex() },
  }
}

const door = await makeKey()
const nextDoor = await makeKey()
const controller = await makeKey()
const device = await makeKey()
type Key = typeof door

/** Signs a payload as it is, ours or not, with a low S. */
const signPayload = async (payload: Uint8Array, key: Key, header = HEADER): Promise<Uint8Array> => {
  const toSign = encodeArray(
    ['Signature1', header, new Uint8Array(), payload].map((item) => encodeScalar(item)),
  )
  for (;;) {
    const signature = await key.sign(toSign)
    if ((signature[32] ?? 0) >= 0x7f) continue
    const items = [
      encodeScalar(header),
      Uint8Array.of(0xa0),
      encodeScalar(payload),
      encodeScalar(signature),
    ]
    return encodeArray(items)
  }
}

const command: Claims = {
  kind: 'command',
  lock: LOCK,
  issuedAtS: 1_796_025_600,
  nonce: NONCE,
  attempt: ATTEMPT,
}
const started: Claims = {
  kind: 'report',
  lock: LOCK,
  issuedAtS: 5,
  counter: 1,
  previous: NO_PREVIOUS,
  result: 'started',
  clockUnsure: true,
}
const startedBytes = await signStatement(started, controller.sign)
const opening: Claims = {
  ...started,
  issuedAtS: 1_796_025_601,
  counter: 2,
  previous: await payloadHash(startedBytes),
  result: 'opening',
  attempt: ATTEMPT,
  clockUnsure: false,
}
const openingBytes = await signStatement(opening, controller.sign)
const released: Claims = {
  ...opening,
  issuedAtS: 1_796_025_602,
  counter: 3,
  previous: await payloadHash(openingBytes),
  result: 'released',
}
const knock: Claims = { kind: 'knock', lock: LOCK, counter: 1_796_025_600_000, attempt: ATTEMPT }
const enrolment: Claims = {
  kind: 'enrolment',
  nonce: await codeNonce(CODE),
  publicKey: controller.publicKey,
}
const succession: Claims = {
  kind: 'succession',
  issuedAtS: 1_796_025_700,
  publicKey: nextDoor.publicKey,
}

const accepted = [
  {
    name: 'a command',
    key: 'door',
    claims: command,
    statement: await signStatement(command, door.sign),
  },
  {
    name: 'the first report, by a clock of 1970',
    key: 'controller',
    claims: started,
    statement: startedBytes,
  },
  {
    name: 'a report before the bolt moves',
    key: 'controller',
    claims: opening,
    statement: openingBytes,
  },
  {
    name: 'a report after it',
    key: 'controller',
    claims: released,
    statement: await signStatement(released, controller.sign),
  },
  {
    name: 'an enrolment',
    key: 'controller',
    claims: enrolment,
    statement: await signStatement(enrolment, controller.sign),
  },
  {
    name: 'a succession',
    key: 'door',
    claims: succession,
    statement: await signStatement(succession, door.sign),
  },
  {
    name: 'a knock',
    key: 'device',
    claims: knock,
    statement: await signStatement(knock, device.sign),
  },
]

const labels = (claims: Claims, changes: readonly (readonly [number, Scalar | undefined])[]) => {
  const map = new Map(toLabels(claims))
  for (const [label, value] of changes)
    if (value === undefined) map.delete(label)
    else map.set(label, value)
  return encodeMap(map)
}

const bytes = accepted[0]?.statement ?? new Uint8Array()
const payload = encodeMap(toLabels(command))
const signature = bytes.slice(-64)
const highS = (ORDER - BigInt(`0x${signature.slice(32).toHex()}`)).toString(16).padStart(64, '0')
const prefix = bytes.slice(0, 6)
const tail = joined(Uint8Array.of(0x58, 64), signature)
const entries = [...toLabels(command)]
  .toSorted(([a], [b]) => Number(a < 0) - Number(b < 0) || Math.abs(a) - Math.abs(b))
  .map(([label, value]) => joined(encodeScalar(label), encodeScalar(value)))
const [first = payload, second = payload, ...others] = entries
const count = Uint8Array.of(0xa0 + entries.length)

const refused: readonly { name: string; key?: string; kind?: string; statement: Uint8Array }[] = [
  { name: 'signed by another key', key: 'controller', statement: bytes },
  { name: 'of another kind than asked for', kind: 'succession', statement: bytes },
  {
    name: 'a high S, though the signature verifies',
    statement: joined(bytes.slice(0, -32), Uint8Array.fromHex(highS)),
  },
  { name: 'a signature of zeros', statement: joined(bytes.slice(0, -64), new Uint8Array(64)) },
  { name: 'with tag 18', statement: joined(Uint8Array.of(0xd2), bytes) },
  {
    name: 'an array without a length',
    statement: joined(Uint8Array.of(0x9f), bytes.slice(1), Uint8Array.of(0xff)),
  },
  {
    name: 'a length of the array in two bytes',
    statement: joined(Uint8Array.of(0x98, 4), bytes.slice(1)),
  },
  {
    name: 'something in the unprotected header',
    statement: joined(bytes.slice(0, 5), Uint8Array.of(0xa1, 4, 0x41, 0), bytes.slice(6)),
  },
  {
    name: 'the header of EdDSA',
    statement: await signPayload(payload, door, Uint8Array.of(0xa1, 1, 0x27)),
  },
  {
    name: 'a length of the payload in three bytes',
    statement: joined(prefix, Uint8Array.of(0x59, 0, payload.length), payload, tail),
  },
  {
    name: 'the payload as text',
    statement: joined(prefix, Uint8Array.of(0x78, payload.length), payload, tail),
  },
  { name: 'bytes after the end', statement: joined(bytes, Uint8Array.of(0)) },
  { name: 'cut short by a byte', statement: bytes.slice(0, -1) },
  { name: 'nothing', statement: new Uint8Array() },
  {
    name: 'a claim is missing',
    statement: await signPayload(labels(command, [[10, undefined]]), door),
  },
  { name: 'a claim too many', statement: await signPayload(labels(command, [[-70_006, 1]]), door) },
  {
    name: 'an unknown claim',
    statement: await signPayload(labels(command, [[7, new Uint8Array(4)]]), door),
  },
  {
    name: 'the number of another kind',
    statement: await signPayload(labels(command, [[-70_004, 1]]), door),
  },
  {
    name: 'expires after 11 seconds',
    statement: await signPayload(labels(command, [[4, 1_796_025_611]]), door),
  },
  {
    name: 'a time before 1970',
    statement: await signPayload(
      labels(command, [
        [6, -1],
        [4, 9],
      ]),
      door,
    ),
  },
  {
    name: 'a time as text',
    statement: await signPayload(labels(command, [[6, '1796025600']]), door),
  },
  {
    name: 'a nonce of 15 bytes',
    statement: await signPayload(labels(command, [[10, new Uint8Array(15)]]), door),
  },
  {
    name: 'a nonce as text',
    statement: await signPayload(labels(command, [[10, '0123456789abcdef']]), door),
  },
  {
    name: 'keys in another order',
    statement: await signPayload(joined(count, second, first, ...others), door),
  },
  {
    name: 'a key twice',
    statement: await signPayload(
      joined(Uint8Array.of(0xa1 + entries.length), first, first, second, ...others),
      door,
    ),
  },
  {
    name: 'a map without a length',
    statement: await signPayload(
      joined(Uint8Array.of(0xbf), ...entries, Uint8Array.of(0xff)),
      door,
    ),
  },
  {
    name: 'an integer that is not in its shortest form',
    statement: await signPayload(
      joined(
        count,
        first,
        second,
        Uint8Array.of(6, 0x1b, 0, 0, 0, 0),
        encodeScalar(1_796_025_600).slice(1),
        ...entries.slice(3),
      ),
      door,
    ),
  },
  {
    name: 'a time as a float',
    statement: await signPayload(
      joined(
        count,
        first,
        second,
        Uint8Array.of(6, 0xfa, 0x4e, 0xd6, 0x1a, 0xb1),
        ...entries.slice(3),
      ),
      door,
    ),
  },
  {
    name: 'an unknown result',
    key: 'controller',
    kind: 'report',
    statement: await signPayload(labels(released, [[-70_008, 'exploded']]), controller),
  },
  {
    name: 'the counter 0',
    key: 'controller',
    kind: 'report',
    statement: await signPayload(labels(released, [[-70_006, 0]]), controller),
  },
  {
    name: 'a counter too large for a number',
    key: 'controller',
    kind: 'report',
    statement: await signPayload(labels(released, [[-70_006, 2 ** 53 - 1]]), controller),
  },
  {
    name: 'a clock neither sure nor unsure',
    key: 'controller',
    kind: 'report',
    statement: await signPayload(labels(released, [[-70_011, 2]]), controller),
  },
  {
    name: 'a compressed key',
    key: 'door',
    kind: 'succession',
    statement: await signPayload(
      labels(succession, [[-70_012, joined(Uint8Array.of(2), nextDoor.publicKey.slice(1, 33))]]),
      door,
    ),
  },
]

await Bun.write(
  join(import.meta.dir, 'vectors.json'),
  `${JSON.stringify(
    {
      keys: {
        door: door.hex,
        next_door: nextDoor.hex,
        controller: controller.hex,
        device: device.hex,
      },
      code: CODE,
      accepted: accepted.map(({ name, key, claims, statement }) => ({
        name,
        kind: claims.kind,
        key,
        claims: Object.fromEntries(
          Object.entries(claims).map(([claim, value]) => [
            claim,
            value instanceof Uint8Array ? value.toHex() : value,
          ]),
        ),
        payload: encodeMap(toLabels(claims)).toHex(),
        statement: statement.toHex(),
      })),
      refused: refused.map(({ name, key = 'door', kind = 'command', statement }) => ({
        name,
        kind,
        key,
        statement: statement.toHex(),
      })),
    },
    undefined,
    2,
  )}\n`,
)
