import { expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import {
  isSecret,
  newSecret,
  rotated,
  signatureHeaders,
} from '../../../src/outbox/webhook/signature.ts'

const BODY = '{"type":"unlock.recorded","data":{"who":"Zoë"}}'
const nowMs = Date.now()
const signed = { id: 'evt_1', timestampS: Math.floor(nowMs / 1000), body: BODY }

const isVerified = (secret: string, headers: Readonly<Record<string, string>>, body = BODY) => {
  try {
    new Webhook(secret).verify(body, { ...headers })
    return true
  } catch {
    return false
  }
}

test('a message is signed as the library of Standard Webhooks verifies it', () => {
  const secret = newSecret()
  const headers = signatureHeaders(signed, { secret })
  expect(isVerified(secret, headers)).toBeTrue()
  expect(isVerified(newSecret(), headers)).toBeFalse()
  expect(isVerified(secret, headers, BODY.replace('Zoë', 'Bob'))).toBeFalse()
  expect(isVerified(secret, { ...headers, 'webhook-id': 'evt_2' })).toBeFalse()
})

test('the example of Standard Webhooks has the signature that its text shows', () => {
  const headers = signatureHeaders(
    { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampS: 1614265330, body: '{"test": 2432232314}' },
    { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  )
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
})

test('after a rotation both secrets sign for 24 hours, and then the new one alone', () => {
  const secret = newSecret()
  const next = rotated({ secret }, nowMs)
  expect(next.secret).not.toBe(secret)
  const soon = signatureHeaders(signed, next)
  expect(isVerified(secret, soon)).toBeTrue()
  expect(isVerified(next.secret, soon)).toBeTrue()
  const timestampS = signed.timestampS + 24 * 3600 + 1
  const later = signatureHeaders({ ...signed, timestampS }, next)
  expect(later['webhook-signature']?.split(' ')).toHaveLength(1)
})

test('a secret has 24 to 64 bytes in Base64 after whsec_', () => {
  const ofBytes = (count: number) => `whsec_${Buffer.alloc(count, 7).toString('base64')}`
  expect([23, 24, 64, 65].map((count) => isSecret(ofBytes(count)))).toStrictEqual([
    false,
    true,
    true,
    false,
  ])
  expect(isSecret(newSecret())).toBeTrue()
  expect(isSecret(ofBytes(32).replace('whsec_', ''))).toBeFalse()
  expect(isSecret('whsec_not base64 at all, but long enough for it')).toBeFalse()
})
