import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { noteSigner } from '../../../src/unlocks/tlog/note-signer.ts'
import * as ours from '../../../src/unlocks/tlog/crypto.ts'
import * as page from '../../../src/unlocks/tlog/crypto.browser.ts'
import { flipBit } from '../../support/trees.ts'

const plain = (bytes: Uint8Array | undefined) => bytes && [...bytes]

describe('the verification page computes the same as the server', () => {
  test('hashes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(plain(page.sha256(bytes))).toStrictEqual(plain(ours.sha256(bytes)))
      }),
    )
  })

  test('Base64, valid and invalid', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), fc.base64String(), (bytes, text, base64) => {
        const encoded = ours.encodeBase64(bytes)
        expect(page.encodeBase64(bytes)).toBe(encoded)
        for (const one of [encoded, text, base64, `${encoded}\n`, encoded.replace('=', '')])
          expect(plain(page.decodeBase64(one))).toStrictEqual(plain(ours.decodeBase64(one)))
      }),
    )
  })

  test('signatures, valid and invalid', () => {
    const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(seed, fc.string(), fc.nat(511), fc.nat(255), (seedBytes, text, bit, keyBit) => {
        const { sign, verifierKey } = noteSigner('a', seedBytes)
        const message = new TextEncoder().encode(text)
        const signature = sign(text)
        const { publicKey } = verifierKey
        for (const { isSigned } of [ours, page]) {
          expect(isSigned(message, signature, publicKey)).toBe(true)
          expect(isSigned(message, flipBit(signature, bit), publicKey)).toBe(false)
          expect(isSigned(message, signature, flipBit(publicKey, keyBit))).toBe(false)
        }
      }),
      { numRuns: 20 },
    )
  })
})
