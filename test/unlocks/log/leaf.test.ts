import { describe, expect, test } from 'bun:test'
import canonicalize from 'canonicalize'
import {
  commitment,
  entryBytes,
  entryLine,
  parseEntry,
  personHash,
} from '../../../src/unlocks/log/entry.ts'
import {
  type PersonalText,
  type UnlockEntry,
  type UnlockEvent,
  happenedAtMs,
} from '../../../src/unlocks/log/event.ts'
import { leafBytes, leafLine } from '../../../src/unlocks/log/leaf.ts'
import { type LogRecord, parseRecord } from '../../../src/unlocks/log/record.ts'
import { leafHash } from '../../../src/unlocks/tlog/merkle-tree.ts'
import { verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import goLeaves from './go-leaves.json'

const SALT = Uint8Array.from({ length: 32 }, (_, at) => at)

const PERSON = { accountPublicId: 'a-1', username: 'Ada "the first"', method: 'app', salt: SALT }

const TIMES = { receivedAtMs: 1_790_000_000_000, occurredAtMs: null, isLate: false }

const CLAIM: UnlockEntry = {
  ...TIMES,
  seq: 41,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  isTimeUncertain: false,
  personHash: personHash(SALT, PERSON),
}

const PERMITTED: UnlockEntry = {
  ...CLAIM,
  attemptId: '0193c6a8-0000-7000-8000-000000000001',
  result: 'permitted',
  source: 'decided',
  personHash: personHash(SALT, { ...PERSON, grantId: 'g-1' }),
}

const DENIED: UnlockEntry = {
  ...PERMITTED,
  result: 'denied',
  reason: 'outside_schedule',
  isTimeUncertain: true,
  personHash: personHash(SALT, { ...PERSON, grantId: null }),
}

const BY_TOKEN: UnlockEntry = {
  ...PERMITTED,
  personHash: personHash(SALT, { ...PERSON, grantId: 'g-1', tokenId: 't-1' }),
}

const REPORT: UnlockEntry = {
  ...CLAIM,
  attemptId: '0193c6a8-0000-7000-8000-000000000001',
  reporter: 'zigbee2mqtt',
  source: 'reported',
  occurredAtMs: 1_789_999_999_000,
  personHash: personHash(SALT, { ...PERSON, grantId: null }),
}

const REPORTED_REFUSAL: UnlockEntry = {
  ...REPORT,
  attemptId: null,
  result: 'denied',
  reason: 'invalid_credential',
  occurredAtMs: null,
}

const BODY = { text: '{"by":"Ada","lock":"front-door"}', salt: SALT }

const RECORD: LogRecord = {
  seq: 42,
  id: '0193c6a8-0000-7000-8000-000000000002',
  kind: 'lock.made',
  atMs: 1_790_000_000_000,
  isTimeUncertain: false,
  body: BODY,
  bodyHash: commitment(SALT, BODY.text),
  leafHash: new Uint8Array(),
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

// Leaves that others keep receipts of: no later version may write them otherwise.
const CLAIM_TEXT =
  '{"id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","late":false,"lock":"front-door","occurred_at_ms":null,"person":"5aROUwhlQ34wUv4xRbeDbOQJbvUticokLvRTlnovlMU=","reason":null,"received_at_ms":1790000000000,"result":"unlocked","seq":41,"source":"claimed","time_uncertain":false,"v":1}'
const PERMITTED_TEXT =
  '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"6S1x7oEnA1kgBPnHReAHj4sZ9DKpil76CTyFmwoEAUU=","reason":null,"received_at_ms":1790000000000,"reporter":null,"reporter_counter":null,"result":"permitted","seq":41,"source":"decided","statement":null,"time_uncertain":false,"v":2}'
const DENIED_TEXT =
  '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"s8a8B5GuHTmXPSznYWYELr12VXMx3PLZRNVTYxGuTOQ=","reason":"outside_schedule","received_at_ms":1790000000000,"reporter":null,"reporter_counter":null,"result":"denied","seq":41,"source":"decided","statement":null,"time_uncertain":true,"v":2}'
const BY_TOKEN_TEXT =
  '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"CbenLsPZDGkqvE0/WFnfPUSSRki1SIkq6u4EuCyts2A=","reason":null,"received_at_ms":1790000000000,"reporter":null,"reporter_counter":null,"result":"permitted","seq":41,"source":"decided","statement":null,"time_uncertain":false,"v":2}'
const REPORT_TEXT =
  '{"attempt":"0193c6a8-0000-7000-8000-000000000001","id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":1789999999000,"person":"s8a8B5GuHTmXPSznYWYELr12VXMx3PLZRNVTYxGuTOQ=","reason":null,"received_at_ms":1790000000000,"reporter":"zigbee2mqtt","reporter_counter":null,"result":"unlocked","seq":41,"source":"reported","statement":null,"time_uncertain":false,"v":2}'
const REPORTED_REFUSAL_TEXT =
  '{"attempt":null,"id":"0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d","kind":"access","late":false,"lock":"front-door","occurred_at_ms":null,"person":"s8a8B5GuHTmXPSznYWYELr12VXMx3PLZRNVTYxGuTOQ=","reason":"invalid_credential","received_at_ms":1790000000000,"reporter":"zigbee2mqtt","reporter_counter":null,"result":"denied","seq":41,"source":"reported","statement":null,"time_uncertain":false,"v":2}'
const RECORD_TEXT =
  '{"at_ms":1790000000000,"body":"WAEIwXaJei5bWJ3ZOCOerjHS7uQ71zGX+mnItC5Evow=","id":"0193c6a8-0000-7000-8000-000000000002","kind":"lock.made","seq":42,"time_uncertain":false,"v":2}'

describe('the leaf of', () => {
  for (const [what, leaf, text, hash] of [
    [
      'a claim',
      eventOf(CLAIM),
      CLAIM_TEXT,
      '86dc855b331863b76bc16f8e328b43425d341e1848856331dfdc60fe75c6a2c5',
    ],
    [
      'a permission',
      eventOf(PERMITTED),
      PERMITTED_TEXT,
      '304d722054ee90e4bec991a60cde6c8c0c08348affd6edfa067bc5e31222c9cb',
    ],
    [
      'a refusal by the rules',
      eventOf(DENIED),
      DENIED_TEXT,
      'af3c2fa83e35e33ade7a5b5b3143c7a9f2ed1d7715b6e95bd48526dea7d7e848',
    ],
    [
      'a permission by a token',
      eventOf(BY_TOKEN, { grantId: 'g-1', tokenId: 't-1' }),
      BY_TOKEN_TEXT,
      '97ffa422cb9cc6ee8f719eee4a05aa26fb4514e6491aa74df2a46c0e461cc9c7',
    ],
    [
      'a report',
      eventOf(REPORT),
      REPORT_TEXT,
      '2640676ef65833bd409fe8beeac387cf17bed9ad3944eb60062b6f99062c0a42',
    ],
    [
      'a reported refusal',
      eventOf(REPORTED_REFUSAL),
      REPORTED_REFUSAL_TEXT,
      '4aeee93b162489b1175951939bda69d3001d7722a834e61ca0f899e92ce46c88',
    ],
    [
      'a record',
      RECORD,
      RECORD_TEXT,
      'efd1d7291a39e65dba40ae96f301ba588bb2da58ac895cc896485c040c730eaf',
    ],
  ] as const)
    test(`${what} is this text, with this hash, in the form of RFC 8785`, () => {
      expect(textOf(leafBytes(leaf))).toBe(text)
      expect(canonicalize(JSON.parse(text))).toBe(text)
      expect(Buffer.from(leafHash(leafBytes(leaf))).toString('hex')).toBe(hash)
    })

  test('Go hashes claims, decisions, reports and records alike, and its receipts of them are valid', () => {
    const leaves = [
      ...[CLAIM, PERMITTED, DENIED, REPORT, REPORTED_REFUSAL].map((entry) => eventOf(entry)),
      RECORD,
    ]
    expect(goLeaves.receipts.map(({ entry }) => entry)).toStrictEqual(
      leaves.map((leaf) => textOf(leafBytes(leaf))),
    )
    const { verifierKey } = goLeaves
    for (const [index, leaf] of leaves.entries()) {
      const receipt = goLeaves.receipts[index]?.receipt ?? ''
      const given = { receipt, entry: leafBytes(leaf), verifierKey }
      expect(verifyReceipt(given)).toMatchObject({
        ok: true,
        index,
        checkpoint: { size: leaves.length },
      })
      expect(verifyReceipt({ ...given, entry: leafBytes({ ...leaf, seq: 7 }) })).toMatchObject({
        failed: 'inclusion',
      })
    }
  })

  test('a decision commits to the grant as well, under the salt', () => {
    const text = canonicalize({
      account: 'a-1',
      counter: null,
      device: null,
      grant: 'g-1',
      method: 'app',
      pass: null,
      username: 'Ada "the first"',
    })
    expect(PERMITTED.personHash).toStrictEqual(commitment(SALT, text ?? ''))
    expect(PERMITTED_TEXT).not.toContain('g-1')
  })

  test('a decision by a token commits to the token as its device', () => {
    const text = canonicalize({
      account: 'a-1',
      counter: null,
      device: 'token:t-1',
      grant: 'g-1',
      method: 'app',
      pass: null,
      username: 'Ada "the first"',
    })
    expect(BY_TOKEN.personHash).toStrictEqual(commitment(SALT, text ?? ''))
    expect(BY_TOKEN_TEXT).not.toContain('t-1')
  })

  test('a report commits to what a decision commits to, without a grant', () => {
    const text = canonicalize({
      account: 'a-1',
      counter: null,
      device: null,
      grant: null,
      method: 'app',
      pass: null,
      username: 'Ada "the first"',
    })
    expect(REPORT.personHash).toStrictEqual(commitment(SALT, text ?? ''))
  })
})

function grantOf({ attemptId, result }: UnlockEntry): Partial<PersonalText> {
  if (attemptId === undefined) return {}
  return { grantId: result === 'permitted' ? 'g-1' : null }
}

function eventOf(entry: UnlockEntry, besides: Partial<PersonalText> = grantOf(entry)): UnlockEvent {
  return {
    ...entry,
    person: { ...PERSON, ...besides },
    happenedAtMs: happenedAtMs(entry),
    leafHash: leafHash(entryBytes(entry)),
  }
}

describe('a leaf that is read back', () => {
  test('is the same', () => {
    for (const entry of [CLAIM, PERMITTED, DENIED, BY_TOKEN, REPORT, REPORTED_REFUSAL])
      expect(parseEntry(textOf(entryBytes(entry)))).toStrictEqual(entry)
    const { body: _body, leafHash: _hash, ...record } = RECORD
    expect(parseRecord(RECORD_TEXT)).toStrictEqual(record)
  })

  const changed = (text: string, from: string, to: string): string => {
    expect(text).toContain(from)
    return text.replace(from, to)
  }

  for (const [what, text, from, to] of [
    ['a claim that permits', CLAIM_TEXT, '"unlocked"', '"permitted"'],
    ['a claim with the reason of a decision', CLAIM_TEXT, '"reason":null', '"reason":"expired"'],
    ['a claim of another version', CLAIM_TEXT, '"v":1', '"v":2'],
    ['a decision of version 1', PERMITTED_TEXT, '"v":2', '"v":1'],
    ['a decision that was claimed', PERMITTED_TEXT, '"decided"', '"claimed"'],
    ['a decision that unlocked', PERMITTED_TEXT, '"permitted"', '"unlocked"'],
    ['a permission with a reason', PERMITTED_TEXT, '"reason":null', '"reason":"expired"'],
    ['a refusal without a reason', DENIED_TEXT, '"reason":"outside_schedule"', '"reason":null'],
    ['a refusal with the reason of a lock', DENIED_TEXT, '"outside_schedule"', '"restricted"'],
    ['a decision of another kind', PERMITTED_TEXT, '"kind":"access"', '"kind":"lock.made"'],
    ['a decision with a reporter', PERMITTED_TEXT, '"reporter":null', '"reporter":"door"'],
    ['a decision with a statement', PERMITTED_TEXT, '"statement":null', '"statement":"AA=="'],
    ['a decision that came late', PERMITTED_TEXT, '"late":false', '"late":true'],
    ['a decision of the past', PERMITTED_TEXT, '"occurred_at_ms":null', '"occurred_at_ms":1'],
    ['a decision without an attempt', PERMITTED_TEXT, '{"attempt":"', '{"attemp":"'],
    ['a decision with a member more', PERMITTED_TEXT, '"v":2', '"v":2,"x":0'],
    ['a decision with a blank', PERMITTED_TEXT, '"v":2', '"v": 2'],
    ['a report of version 1', REPORT_TEXT, '"v":2', '"v":1'],
    ['a report that was claimed', REPORT_TEXT, '"reported"', '"claimed"'],
    ['a report that was decided', REPORT_TEXT, '"reported"', '"decided"'],
    ['a report that permits', REPORT_TEXT, '"unlocked"', '"permitted"'],
    ['a report without a reporter', REPORT_TEXT, '"zigbee2mqtt"', 'null'],
    ['a report by no word', REPORT_TEXT, '"zigbee2mqtt"', '"Zigbee 2"'],
    ['an opening with a reason', REPORT_TEXT, '"reason":null', '"reason":"restricted"'],
    ['a reported refusal without one', REPORTED_REFUSAL_TEXT, '"invalid_credential"', 'null'],
    ['a reported refusal by rules', REPORTED_REFUSAL_TEXT, '"invalid_credential"', '"no_grant"'],
    ['a report without an attempt', REPORTED_REFUSAL_TEXT, '{"attempt":null,', '{'],
    ['a report of an odd attempt', REPORTED_REFUSAL_TEXT, '"attempt":null', '"attempt":7'],
    ['a report with a counter', REPORT_TEXT, '"reporter_counter":null', '"reporter_counter":1'],
    ['a record of an unknown kind', RECORD_TEXT, '"lock.made"', '"lock.opened"'],
    ['a record of version 1', RECORD_TEXT, '"v":2', '"v":1'],
    ['a record without a body', RECORD_TEXT, '"body":"', '"body":null,"b":"'],
    ['a record with a member more', RECORD_TEXT, '"v":2', '"v":2,"x":0'],
    ['a record with members in another order', RECORD_TEXT, '{"at_ms":1790000000000,', '{'],
  ] as const)
    test(`${what} is none`, () => {
      const other = changed(text, from, to)
      expect([parseEntry(other), parseRecord(other)]).toStrictEqual([undefined, undefined])
    })
})

test('beside a leaf, receipts and bundles have what it commits to, until that is erased', () => {
  const permitted = eventOf(PERMITTED)
  expect(JSON.parse(entryLine(permitted))).toStrictEqual({
    entry: PERMITTED_TEXT,
    person: {
      account: 'a-1',
      counter: null,
      device: null,
      grant: 'g-1',
      method: 'app',
      pass: null,
      username: 'Ada "the first"',
      salt: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
    },
  })
  expect(leafLine({ ...permitted, person: undefined })).toBe(
    JSON.stringify({ entry: PERMITTED_TEXT, person: null }),
  )
  expect(JSON.parse(leafLine(RECORD))).toStrictEqual({
    entry: RECORD_TEXT,
    body: { text: BODY.text, salt: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=' },
  })
  expect(leafLine({ ...RECORD, body: undefined })).toBe(
    JSON.stringify({ entry: RECORD_TEXT, body: null }),
  )
})
