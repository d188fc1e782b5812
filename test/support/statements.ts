import type { Claims, StatementKind } from '../../src/domain/statement/claims.ts'
import { makeKeyPair, publicKeyOf, signWith } from '../../src/domain/statement/p256.ts'
import type { Sign } from '../../src/domain/statement/p256.ts'
import { NO_PREVIOUS } from '../../src/domain/statement/statement.ts'

/** A key that signs, and its public half as a point. */
export type TestKey = { readonly sign: Sign; readonly publicKey: Uint8Array }

export const testKey = async (): Promise<TestKey> => {
  const pair = await makeKeyPair(true)
  return { sign: signWith(pair.privateKey), publicKey: await publicKeyOf(pair) }
}

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at === 0 ? first : (at * 7 + first) % 256))

/** Claims of every kind, reports with and without an attempt. */
export const EXAMPLES: readonly Claims[] = [
  {
    kind: 'knock',
    lock: '8a5be4c76e2f13d0',
    counter: 1_796_025_600_000,
    attempt: '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0',
  },
  {
    kind: 'command',
    lock: '8a5be4c76e2f13d0',
    issuedAtS: 1_796_025_600,
    nonce: bytes(16, 9),
    attempt: '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0',
  },
  {
    kind: 'report',
    lock: '8a5be4c76e2f13d0',
    issuedAtS: 1_796_025_601,
    counter: 2,
    previous: bytes(32, 17),
    result: 'released',
    attempt: '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0',
    clockUnsure: false,
  },
  {
    kind: 'report',
    lock: '8a5be4c76e2f13d0',
    issuedAtS: 0,
    counter: 1,
    previous: NO_PREVIOUS,
    result: 'started',
    clockUnsure: true,
  },
  { kind: 'enrolment', nonce: bytes(16, 3), publicKey: bytes(65, 4) },
  { kind: 'succession', issuedAtS: 1_796_025_600, publicKey: bytes(65, 4) },
]

export const OTHER_KINDS = (kind: StatementKind): StatementKind[] =>
  (['knock', 'command', 'report', 'enrolment', 'succession'] as const).filter(
    (other) => other !== kind,
  )
