import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Claim, repeatFinder } from '../../../src/unlocks/query/repeats-store.ts'
import { REPEAT_MS } from '../../../src/unlocks/summary/counted-store.ts'

const claim = (seq: number, of: Partial<Claim> = {}): Claim => ({
  seq,
  source: 'claimed',
  account: 1,
  lock: 'front-door',
  method: 'pin',
  result: 'unlocked',
  reason: null,
  occurredAtMs: null,
  receivedAtMs: 1000 * seq,
  ...of,
})

/** What a claim repeats, by comparing it with all before it. */
const repeatedBy = (claims: readonly Claim[], at: number): number | null => {
  const { seq: _, receivedAtMs, ...rest } = claims[at] ?? claim(at)
  const earlier = claims
    .slice(0, at)
    .findLast(({ seq: _seq, receivedAtMs: _ms, ...other }) => Bun.deepEquals(other, rest))
  if (!earlier || rest.source !== 'claimed' || rest.account === null) return null
  const passedMs = receivedAtMs - earlier.receivedAtMs
  return passedMs >= 0 && passedMs <= REPEAT_MS ? earlier.seq : null
}

describe('the claim that another one repeats', () => {
  test('is the newest equal one, received up to 30 seconds before', () => {
    const some = fc.record({
      source: fc.constantFrom('claimed', 'imported'),
      account: fc.constantFrom(1, 2, null),
      lock: fc.constantFrom('front-door', 'back-door'),
      method: fc.constantFrom('pin', 'face', null),
      result: fc.constantFrom('unlocked', 'failed'),
      reason: fc.constantFrom(null, 'wrong pin'),
      // A time may be the number of an account.
      occurredAtMs: fc.constantFrom(null, 1, 5000),
      receivedAtMs: fc.nat(4 * REPEAT_MS),
    })
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (all) => {
        const claims = all.map((one, seq) => claim(seq, one as Partial<Claim>))
        const repeatOf = repeatFinder()
        expect(claims.map(repeatOf)).toStrictEqual(claims.map((_, at) => repeatedBy(claims, at)))
      }),
    )
  })

  test.each([
    ['5000 others of as many accounts', 5000, (seq: number) => ({ account: 1 + seq })],
    [
      '5000 others of one account, at as many times',
      5000,
      (seq: number) => ({ occurredAtMs: seq }),
    ],
    ['50 others of one account at one time', 50, (seq: number) => ({ method: `method ${seq}` })],
  ])('is found among %s', (_, others, other) => {
    const repeatOf = repeatFinder()
    const receivedAtMs = 0
    let seq = 0
    for (let time = 0; time < 4; time += 1) {
      const first = seq
      expect(repeatOf(claim(seq, { lock: 'garage', receivedAtMs }))).toBe(
        time === 0 ? null : first - 1,
      )
      for (seq += 1; seq < first + others; seq += 1)
        expect(repeatOf(claim(seq, { ...other(seq), receivedAtMs }))).toBeNull()
      expect(repeatOf(claim(seq, { lock: 'garage', receivedAtMs }))).toBe(first)
      seq += 1
    }
  })
})
