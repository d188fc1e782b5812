import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  formatVerifierKey,
  isKeyName,
  keyId,
  NOTE_SIGNATURES_MAX,
  openNote,
  parseNote,
  parseVerifierKey,
  signNote,
} from '../../../src/unlocks/tlog/signed-note.ts'
import { noteSigner } from '../../../src/unlocks/tlog/note-signer.ts'
import { flipBit } from '../../support/trees.ts'

// The example keys, text and signatures of Go's golang.org/x/mod/sumdb/note.
const PETER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const PETER_SEED = 'gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM='
const ENOCH_KEY = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const TEXT =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n"
const PETER_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_LINE =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'
const NOTE = `${TEXT}\n${PETER_LINE}`

const peter = noteSigner('PeterNeumann', Buffer.from(PETER_SEED, 'base64'))
const peterKey = parseVerifierKey(PETER_KEY)
const enochKey = parseVerifierKey(ENOCH_KEY)

describe('verifier keys', () => {
  test('a seed yields the key that Go derives from it', () => {
    expect(formatVerifierKey(peter.verifierKey)).toBe(PETER_KEY)
    expect(keyId('PeterNeumann', peterKey.publicKey)).toBe(0xc74f20a3)
  })

  test('the key of the Go checksum database opens a tree head that it signed', () => {
    const key = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
    const text = 'go.sum database tree\n15368405\n/g9am3I6YWNKaZX/jkne1fqd9zEyjss+JXyPXG0WfkY=\n'
    const line =
      '— sum.golang.org Az3grqJGUaSGukG9p8nI2vKgiFn7qGHxn0W+mrwyI6Gz3F0t1J3LzmWk/p96Ybf295EjwdSwlzgijq5WA9d1Ded7owM=\n'
    expect(openNote(`${text}\n${line}`, parseVerifierKey(key))).toBe(text)
  })

  test('every key reads back from its text', () => {
    const property = fc.property(keyName, seed, (name, bytes) => {
      const { verifierKey } = noteSigner(name, bytes)
      expect(parseVerifierKey(formatVerifierKey(verifierKey))).toEqual(verifierKey)
    })
    fc.assert(property)
  })

  test('a key that is cut short or has a changed character is not a key', () => {
    for (let start = 0; start <= PETER_KEY.length; start += 1) {
      for (let end = start; end <= PETER_KEY.length; end += 1) {
        if (end - start === PETER_KEY.length) continue
        expect(() => parseVerifierKey(PETER_KEY.slice(start, end))).toThrow()
      }
    }
    for (let at = 0; at < PETER_KEY.length; at += 1) {
      const next = String.fromCharCode(PETER_KEY.charCodeAt(at) + 1)
      const changed = PETER_KEY.slice(0, at) + next + PETER_KEY.slice(at + 1)
      expect(() => parseVerifierKey(changed)).toThrow()
    }
  })

  test.each([
    ['of the wrong length', `PeterNeumann+cc469956+${PETER_KEY.slice(22)}BADKEY==`],
    ['of another algorithm', `PeterNeumann+173116ae+Z${PETER_KEY.slice(23)}`],
    ['with its id in capitals', PETER_KEY.replace('c74f20a3', 'C74F20A3')],
    ['with a line break', `${PETER_KEY}\n`],
  ])('a key %s is refused', (_, vkey) => {
    expect(() => parseVerifierKey(vkey)).toThrow('The key')
  })

  test.each(['', 'a b', 'a+b', 'a\u00A0b', 'a\u0085b', 'a\u3000b', 'a\nb', 'a\u0001b', 'a\uD800'])(
    '%j is no key name',
    (name) => {
      expect(isKeyName(name)).toBe(false)
      expect(() => noteSigner(name, new Uint8Array(32))).toThrow(RangeError)
    },
  )

  test.each(['example.com/abc123', 'Türschloß', '🚪', 'a\u200Bb'])('%j is a key name', (name) => {
    expect(isKeyName(name)).toBe(true)
  })

  test('a seed has 32 bytes', () => {
    expect(() => noteSigner('a', new Uint8Array(31))).toThrow('An Ed25519 seed has 32 bytes')
  })
})

describe('signing a note', () => {
  test('the note is the same as Go’s, byte for byte', () => {
    expect(signNote(TEXT, [peter])).toBe(NOTE)
  })

  test('every signed text opens with its key and with no other', () => {
    const property = fc.property(noteText, keyName, seed, (text, name, bytes) => {
      const signer = noteSigner(name, bytes)
      const note = signNote(text, [peter, signer])
      expect(openNote(note, signer.verifierKey)).toBe(text)
      expect(openNote(Buffer.from(note), peterKey)).toBe(text)
      expect(() => openNote(note, enochKey)).toThrow('is not signed by EnochRoot+af0cfe78')
    })
    fc.assert(property)
  })

  test.each(['', 'abc', 'a\tb\n', 'a\uD800\n'])('the text %j cannot be signed', (text) => {
    expect(() => signNote(text, [peter])).toThrow('note')
  })
})

describe('opening a note', () => {
  test('signatures of unknown keys are ignored, even under a known name or id', () => {
    const namesake = noteSigner('PeterNeumann', new Uint8Array(32))
    const other = `— Other ${PETER_LINE.split(' ')[2] ?? ''}`
    const note = `${signNote(TEXT, [namesake])}${other}${PETER_LINE}${ENOCH_LINE}`
    expect(openNote(note, peterKey)).toBe(TEXT)
    expect(openNote(note, enochKey)).toBe(TEXT)
    expect(openNote(note, namesake.verifierKey)).toBe(TEXT)
    expect(parseNote(note).signatures.map(({ name }) => name)).toEqual([
      'PeterNeumann',
      'Other',
      'PeterNeumann',
      'EnochRoot',
    ])
  })

  test('the text may have empty lines: the last one ends it', () => {
    const text = 'Ognuno sta solo sul cuor della terra\n\ned è subito sera.\n'
    expect(openNote(signNote(text, [peter]), peterKey)).toBe(text)
    expect(openNote(signNote('\n', [peter]), peterKey)).toBe('\n')
  })

  test('the example of C2SP signed-note is well formed', () => {
    const line =
      '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n'
    const { signatures } = parseNote(`Ognuno sta solo sul cuor della terra\n\n${line}`)
    expect(signatures).toMatchObject([{ name: 'quasimodo.example/salvatore', keyId: 0x367ba04b }])
  })

  test('a repeated signature changes nothing, but one wrong signature of the key invalidates the note', () => {
    const forged = PETER_LINE.replace('ZJku', 'ZJkv')
    const long = PETER_LINE.replace('SffcvI', 'SffcABCDvI')
    expect(openNote(NOTE + PETER_LINE, peterKey)).toBe(TEXT)
    expect(() => openNote(NOTE + forged, peterKey)).toThrow('does not match the text')
    expect(() => openNote(NOTE + long, peterKey)).toThrow('does not match the text')
    expect(openNote(NOTE + forged + ENOCH_LINE, enochKey)).toBe(TEXT)
  })

  test('a changed bit anywhere in text or signature invalidates the note', () => {
    const property = fc.property(fc.nat({ max: Buffer.byteLength(NOTE) * 8 - 1 }), (bit) => {
      const changed = flipBit(Buffer.from(NOTE), bit)
      expect(() => openNote(changed, peterKey)).toThrow()
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('a key that is not a point on the curve verifies nothing', () => {
    const publicKey = new Uint8Array(32).fill(0xff)
    const key = { name: 'PeterNeumann', id: peterKey.id, publicKey }
    expect(() => openNote(NOTE, key)).toThrow('does not match the text')
  })

  test.each([
    ['without signatures', TEXT],
    ['with an empty block', `${TEXT}\n`],
    ['cut before its last newline', NOTE.slice(0, -1)],
    ['with a control character', `\u0001${NOTE}`],
    ['with a false byte', Buffer.concat([Uint8Array.of(0xff), Buffer.from(NOTE)])],
    ['with a line that is no signature', `${NOTE}Unexpected line.\n`],
    ['with a space in a name', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad Name')}`],
    ['with a plus in a name', `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad+Name')}`],
    ['with a hyphen for the dash', NOTE.replace('—', '-')],
    ['with a space at the end of a line', NOTE.replace('JnAM=', 'JnAM= ')],
    ['with a signature not in Base64', `${TEXT}\n— PeterNeumann x08go\n`],
    ['with a key id only', `${TEXT}\n— PeterNeumann x08gow==\n`],
    ['with more signatures than fit', NOTE + PETER_LINE.repeat(NOTE_SIGNATURES_MAX)],
  ])('a note %s is refused', (_, note) => {
    expect(() => openNote(note, peterKey)).toThrow('The note')
  })

  test('the maximum number of signatures is read', () => {
    const note = NOTE + ENOCH_LINE.repeat(NOTE_SIGNATURES_MAX - 1)
    expect(openNote(note, peterKey)).toBe(TEXT)
  })
})

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
const keyName = fc.string({ unit: 'grapheme', minLength: 1 }).filter(isKeyName)
const noteText = fc
  .array(fc.string({ unit: 'grapheme' }).filter((line) => !/\p{Cc}/u.test(line)))
  .map((lines) => `${lines.join('\n')}\n`)
