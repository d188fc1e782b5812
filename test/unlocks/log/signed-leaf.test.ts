import { describe, expect, test } from 'bun:test'
import canonicalize from 'canonicalize'
import {
  commitment,
  entryBytes,
  entryLine,
  parseEntry,
  parsePerson,
  personHash,
} from '../../../src/unlocks/log/entry.ts'
import {
  type PersonalText,
  type UnlockEntry,
  happenedAtMs,
  isDoubted,
} from '../../../src/unlocks/log/event.ts'
import { leafHash } from '../../../src/unlocks/tlog/merkle-tree.ts'

const SALT = Uint8Array.from({ length: 32 }, (_, at) => at)
const HASH = SALT

const ADA: PersonalText = { accountPublicId: 'a-1', username: 'Ada', method: 'app', grantId: null }

const GUEST: PersonalText = {
  accountPublicId: '',
  username: 'Plumber',
  method: 'guest',
  grantId: 'g-1',
  guest: { passId: 'p-1', deviceId: 'd-1', counter: 7 },
}

const BY_GUEST: UnlockEntry = {
  seq: 41,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  attemptId: '0193c6a8-0000-7000-8000-000000000001',
  lock: 'front-door',
  result: 'permitted',
  reason: null,
  source: 'decided',
  receivedAtMs: 1_790_000_000_000,
  occurredAtMs: null,
  isLate: false,
  isTimeUncertain: false,
  personHash: personHash(SALT, GUEST),
  statementHash: HASH,
}

const RELEASED: UnlockEntry = {
  ...BY_GUEST,
  result: 'released',
  source: 'attested',
  reporter: '0193c6a8-0000-7000-8000-00000000000c',
  reporterCounter: 12,
  personHash: personHash(SALT, { ...GUEST, grantId: null }),
}

const JAMMED: UnlockEntry = {
  ...RELEASED,
  result: 'failed',
  reason: 'motor_blocked',
  personHash: personHash(SALT, ADA),
}

const UNASKED: UnlockEntry = { ...JAMMED, attemptId: null, result: 'unlocked', reason: null }

const textOf = (entry: UnlockEntry): string => new TextDecoder().decode(entryBytes(entry))

// Leaves that others keep receipts of: no later version may write them otherwise.
describe('the leaf of', () => {
  for (const [what, entry, text, hash] of [
    [
      'a guest’s permission',
      BY_GUEST,
      '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"LeluG8eQU4TzwsEJTBcw4QHyLcpqKefHkk/OqnrVCqM=","reason":null,"received_at_ms":1790000000000,"reporter":null,"reporter_counter":null,"result":"permitted","seq":41,"source":"decided","statement":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","time_uncertain":false,"v":2}',
      'b752c0921ec3acce815db66ae0fe8870f34fd671a3da8a72e07fc32dd7ab0e6d',
    ],
    [
      'a signed report that the lock was released',
      RELEASED,
      '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"DnrWkYEKKNF87hVi7GcnQ07+9yrG/bQLRcwG8U1AYsM=","reason":null,"received_at_ms":1790000000000,"reporter":"0193c6a8-0000-7000-8000-00000000000c","reporter_counter":12,"result":"released","seq":41,"source":"attested","statement":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","time_uncertain":false,"v":2}',
      '19998a2507b8b5ed0a55c5044570d0cb7191ee146202cec792a4f2146f5858f1',
    ],
  ] as const)
    test(`${what} is this text, with this hash, in the form of RFC 8785`, () => {
      expect(textOf(entry)).toBe(text)
      expect(canonicalize(JSON.parse(text))).toBe(text)
      expect(Buffer.from(leafHash(entryBytes(entry))).toString('hex')).toBe(hash)
    })

  test('a guest commits to the pass, the device and the counter under the salt, and to no account', () => {
    const text = canonicalize({
      account: '',
      counter: 7,
      device: 'device:d-1',
      grant: 'g-1',
      method: 'guest',
      pass: 'p-1',
      username: 'Plumber',
    })
    expect(BY_GUEST.personHash).toStrictEqual(commitment(SALT, text ?? ''))
    for (const id of ['p-1', 'd-1', 'g-1', 'Plumber'])
      expect(textOf(BY_GUEST)).not.toContain(`"${id}"`)
  })
})

describe('a leaf that is read back', () => {
  test('is the same', () => {
    const byCookie = { ...BY_GUEST }
    delete byCookie.statementHash
    for (const entry of [BY_GUEST, byCookie, RELEASED, JAMMED, UNASKED])
      expect(parseEntry(textOf(entry))).toStrictEqual(entry)
  })

  const reporter = '"0193c6a8-0000-7000-8000-00000000000c"'
  for (const [what, entry, from, to] of [
    ['a decision that a controller signed', BY_GUEST, '"decided"', '"attested"'],
    ['a decision with a counter', BY_GUEST, '"reporter_counter":null', '"reporter_counter":1'],
    ['a signed report that was not signed', RELEASED, '"attested"', '"reported"'],
    ['a signed report that was decided', RELEASED, '"attested"', '"decided"'],
    ['a signed report that permits', RELEASED, '"released"', '"permitted"'],
    ['a signed report of no result', RELEASED, '"released"', '"constructor"'],
    ['a signed report by a driver', RELEASED, reporter, '"zigbee2mqtt"'],
    ['a signed report by nobody', RELEASED, reporter, 'null'],
    ['a signed report by a shouted id', RELEASED, reporter, reporter.toUpperCase()],
    ['a signed report without a counter', RELEASED, ':12,', ':null,'],
    ['a signed report number 0', RELEASED, ':12,', ':0,'],
    ['a signed report number -1', RELEASED, ':12,', ':-1,'],
    ['a signed report number 1.5', RELEASED, ':12,', ':1.5,'],
    ['a signed report number 12.0', RELEASED, ':12,', ':12.0,'],
    ['a signed report number "12"', RELEASED, ':12,', ':"12",'],
    ['an opening with a reason', RELEASED, '"reason":null', '"reason":"motor_blocked"'],
    ['a failure without a reason', JAMMED, '"motor_blocked"', 'null'],
    ['a failure with the reason of a lock', JAMMED, '"motor_blocked"', '"restricted"'],
    ['a refusal with the reason of a failure', JAMMED, '"failed"', '"denied"'],
  ] as const)
    test(`${what} is none`, () => {
      expect(textOf(entry)).toContain(from)
      expect(parseEntry(textOf(entry).replace(from, to))).toBeUndefined()
    })

  test.each(['null', '""', '"AAEC"', '"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="', '7'])(
    'a signed report with the statement %s is none',
    (statement) => {
      const text = textOf(RELEASED).replace(/"statement":"[^"]*"/, `"statement":${statement}`)
      expect(text).toContain(`"statement":${statement}`)
      expect(parseEntry(text)).toBeUndefined()
    },
  )
})

test('beside a leaf, receipts and bundles have what was signed, until that is erased', () => {
  const event = {
    ...RELEASED,
    person: { ...GUEST, grantId: null, salt: SALT },
    statement: Uint8Array.of(1, 2, 3),
    happenedAtMs: RELEASED.receivedAtMs,
    leafHash: leafHash(entryBytes(RELEASED)),
  }
  const person = {
    account: '',
    counter: 7,
    device: 'device:d-1',
    grant: null,
    method: 'guest',
    pass: 'p-1',
    username: 'Plumber',
    salt: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  }
  const entry = textOf(RELEASED)
  expect(entryLine(event)).toBe(JSON.stringify({ entry, person, statement: 'AQID' }))
  expect(parsePerson(person, false)).toStrictEqual(event.person)
  expect(entryLine({ ...event, person: undefined, statement: undefined })).toBe(
    JSON.stringify({ entry, person: null, statement: null }),
  )
})

test.each([
  [{ passId: 'p-1', deviceId: null, counter: null }],
  [{ passId: 'p-1', deviceId: 'd-1', counter: null }],
  [{ passId: '', deviceId: '', counter: 0 }],
])('a guest %p reads back as the same', (guest) => {
  const person = { ...GUEST, guest, salt: SALT }
  const line = entryLine({
    ...BY_GUEST,
    person,
    happenedAtMs: 0,
    leafHash: new Uint8Array(),
  })
  const { person: read } = JSON.parse(line) as { readonly person: unknown }
  expect(parsePerson(read, false)).toStrictEqual(person)
})

describe('when an opening that a controller signed is listed', () => {
  const RECEIVED_MS = 1_800_000_002_340
  const attested = (occurredAtMs: number | null) =>
    ({ source: 'attested', occurredAtMs, receivedAtMs: RECEIVED_MS }) as const

  test.each([
    ['in the second of its receipt, at its receipt', 1_800_000_002_000, RECEIVED_MS],
    ['earlier, at the end of the second that it says', 1_800_000_000_000, 1_800_000_000_999],
    ['after its receipt, at its receipt', 1_800_000_003_000, RECEIVED_MS],
    ['with an unsure clock, at its receipt', null, RECEIVED_MS],
  ])('%s', (_, occurredAtMs, listedMs) => {
    expect(happenedAtMs(attested(occurredAtMs))).toBe(listedMs)
  })

  test('so that the end of a second is no doubt, and a second more is', () => {
    const isDoubtedAt = (happened: number) =>
      isDoubted({ source: 'attested', occurredAtMs: 1_800_000_000_000, happenedAtMs: happened })
    expect(isDoubtedAt(1_800_000_000_999)).toBe(false)
    expect(isDoubtedAt(1_800_000_001_000)).toBe(true)
  })
})
