import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import {
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '../../../src/unlocks/tlog/checkpoint.ts'
import { emptyRoot } from '../../../src/unlocks/tlog/merkle-tree.ts'
import { signNote } from '../../../src/unlocks/tlog/signed-note.ts'
import { noteSigner } from '../../../src/unlocks/tlog/note-signer.ts'

const ORIGIN = 'front-door.example/unlocks'
const signer = noteSigner(ORIGIN, new Uint8Array(32).fill(1))
const key = signer.verifierKey

describe('the text of a checkpoint', () => {
  test('matches the example in C2SP tlog-checkpoint', () => {
    const text =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
    const checkpoint = parseCheckpoint(text)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(formatCheckpoint(checkpoint)).toBe(text)
  })

  test('every checkpoint reads back from its text', () => {
    const property = fc.property(fc.maxSafeNat(), root, (size, bytes) => {
      const checkpoint = { origin: ORIGIN, size, root: bytes }
      const text = formatCheckpoint(checkpoint)
      expect(parseCheckpoint(Buffer.from(text))).toEqual({ ...checkpoint, extensions: [] })
    })
    fc.assert(property)
  })

  test('extension lines of other logs are kept as they are', () => {
    const text = `Other Log - 7\n0\n${rootLine}\ntime 1\nanything at all\n`
    const { origin, extensions } = parseCheckpoint(text)
    expect(origin).toBe('Other Log - 7')
    expect(extensions).toEqual(['time 1', 'anything at all'])
  })

  test.each([
    ['without a last newline', (text: string) => text.slice(0, -1)],
    ['without an origin', (text: string) => text.replace(ORIGIN, '')],
    ['with two lines', (text: string) => text.replace(`${ORIGIN}\n`, '')],
    ['with an empty line', (text: string) => `${text}\n`],
    ['with a leading zero in its size', (text: string) => text.replace('7', '07')],
    ['with a negative size', (text: string) => text.replace('7', '-7')],
    ['with a size too large', (text: string) => text.replace('7', '9007199254740992')],
    ['with a short root', (text: string) => text.replace(rootLine, 'YQ==')],
    ['with a root respelt', (text: string) => text.replace('FU=', 'FV=')],
    ['with carriage returns', (text: string) => text.replaceAll('\n', '\r\n')],
  ])('a checkpoint %s is refused', (_, alter) => {
    const text = formatCheckpoint({ origin: ORIGIN, size: 7, root: emptyRoot() })
    expect(alter(text)).not.toBe(text)
    expect(() => parseCheckpoint(alter(text))).toThrow('The checkpoint')
  })

  test.each([
    ['an origin with a newline', { origin: 'a\n1' }],
    ['no origin', { origin: '' }],
    ['half a leaf', { size: 0.5 }],
    ['fewer than no leaves', { size: -1 }],
    ['a short root', { root: new Uint8Array(31) }],
  ])('a log with %s has no checkpoint', (_, fault) => {
    const checkpoint = { origin: ORIGIN, size: 1, root: emptyRoot(), ...fault }
    expect(() => formatCheckpoint(checkpoint)).toThrow(RangeError)
  })
})

describe('a signed checkpoint', () => {
  const checkpoint = { origin: ORIGIN, size: 3, root: new Uint8Array(32).fill(9) }

  test('it opens with the key of its log', () => {
    const note = signCheckpoint(checkpoint, signer)
    expect(openCheckpoint(note, key)).toEqual({ ...checkpoint, extensions: [] })
  })

  test('a log signs only its own checkpoints', () => {
    const foreign = { ...checkpoint, origin: 'back-door.example/unlocks' }
    expect(() => signCheckpoint(foreign, signer)).toThrow(RangeError)
    const note = signNote(formatCheckpoint(foreign), [signer])
    expect(() => openCheckpoint(note, key)).toThrow(`belongs to another log, not ${ORIGIN}`)
  })

  test('a signed text that is not a checkpoint is refused', () => {
    expect(() => openCheckpoint(signNote('hello\n', [signer]), key)).toThrow('fewer than three')
  })
})

const root = fc.uint8Array({ minLength: 32, maxLength: 32 })
const rootLine = Buffer.from(emptyRoot()).toString('base64')
