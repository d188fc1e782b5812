import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { openCheckpoint, signCheckpoint } from '../../../src/unlocks/tlog/checkpoint.ts'
import { formatReceipt, parseReceipt, verifyReceipt } from '../../../src/unlocks/tlog/receipt.ts'
import { formatVerifierKey, parseVerifierKey } from '../../../src/unlocks/tlog/signed-note.ts'
import { noteSigner } from '../../../src/unlocks/tlog/note-signer.ts'
import { flipBit, numberedEntries, storedTree } from '../../support/trees.ts'
import goVectors from './go-vectors.json'

const ORIGIN = 'front-door.example/unlocks'
const ENTRIES_MAX = 200
const HASH_LINE = `\n${'A'.repeat(43)}=`
const signer = noteSigner(ORIGIN, new Uint8Array(32).fill(3))
const verifierKey = formatVerifierKey(signer.verifierKey)
const entries = numberedEntries(ENTRIES_MAX)
const tree = storedTree(entries)

const entryAt = (index: number): Uint8Array => entries[index] ?? new Uint8Array()
const checkpointAt = (size: number): string =>
  signCheckpoint({ origin: ORIGIN, size, root: tree.rootAt(size) }, signer)
const receiptOf = (index: number, size: number) => ({
  index,
  proof: tree.inclusionProof(index, size),
  checkpoint: checkpointAt(size),
})
const otherKey = formatVerifierKey(noteSigner(ORIGIN, new Uint8Array(32)).verifierKey)
const text = formatReceipt(receiptOf(5, 11))
const entry = entryAt(5)

describe('a receipt as text', () => {
  test('it has the lines of C2SP tlog-proof in order', () => {
    const { proof, checkpoint } = receiptOf(5, 11)
    const hashes = proof.map((hash) => Buffer.from(hash).toString('base64'))
    expect(text).toBe(['c2sp.org/tlog-proof@v1', 'index 5', ...hashes, '', checkpoint].join('\n'))
    expect(formatReceipt({ ...receiptOf(0, 1), extra: Buffer.from('hand') })).toBe(
      `c2sp.org/tlog-proof@v1\nextra aGFuZA==\nindex 0\n\n${checkpointAt(1)}`,
    )
  })

  test('every receipt reads back from its text, and no other text means the same', () => {
    const property = fc.property(place, fc.uint8Array(), ([size, index], extra) => {
      const bare = receiptOf(index, size)
      const receipt = extra.length > 0 ? { ...bare, extra } : bare
      const written = formatReceipt({ ...bare, extra })
      expect(parseReceipt(Buffer.from(written))).toEqual(receipt)
      expect(formatReceipt(parseReceipt(written))).toBe(written)
    })
    fc.assert(property)
  })

  test.each([
    ['of another version', text.replace('@v1', '@v2'), 'does not begin with'],
    ['that is empty', '', 'has no empty line'],
    ['without a checkpoint', text.slice(0, text.indexOf('\n\n')), 'has no empty line'],
    ['without an index', text.replace('index 5\n', ''), 'has no decimal index'],
    ['with a header only', `c2sp.org/tlog-proof@v1\n\n${checkpointAt(1)}`, 'no decimal index'],
    ['with a padded index', text.replace('index 5', 'index 05'), 'has no decimal index'],
    ['with a negative index', text.replace('index 5', 'index -5'), 'has no decimal index'],
    ['with a word for an index', text.replace('index 5', 'index five'), 'no decimal index'],
    ['with its lines swapped', text.replace('index 5', 'index 5\nextra YQ=='), 'is not a hash'],
    ['with extra data not in Base64', text.replace('index', 'extra !!\nindex'), 'extra data'],
    ['with extra data left empty', text.replace('index', 'extra \nindex'), 'extra data'],
    ['with a line of 31 bytes', text.replace('\n\n', `\n${'A'.repeat(42)}==\n\n`), 'is not a hash'],
    ['with 65 hashes', text.replace('index 5', `index 5${HASH_LINE.repeat(65)}`), 'more hashes'],
    ['with carriage returns', text.replaceAll('\n', '\r\n'), 'control character'],
  ])('a receipt %s is refused', (_, receipt, message) => {
    expect(() => parseReceipt(receipt)).toThrow(message)
  })
})

describe('verifying a receipt', () => {
  test('the receipt of every entry is valid, and for no other entry', () => {
    const property = fc.property(place, fc.nat({ max: ENTRIES_MAX - 1 }), (at, other) => {
      const [size, index] = at
      const receipt = formatReceipt(receiptOf(index, size))
      expect(verifyReceipt({ receipt, entry: entryAt(index), verifierKey })).toEqual({
        ok: true,
        index,
        checkpoint: openCheckpoint(checkpointAt(size), signer.verifierKey),
      })
      const verdict = verifyReceipt({ receipt, entry: entryAt(other), verifierKey })
      expect(verdict.ok).toBe(other === index)
    })
    fc.assert(property)
  })

  test('a changed bit anywhere invalidates the receipt, and never throws', () => {
    const property = fc.property(fc.nat({ max: Buffer.byteLength(text) * 8 - 1 }), (bit) => {
      const receipt = flipBit(Buffer.from(text), bit)
      expect(verifyReceipt({ receipt, entry, verifierKey }).ok).toBe(false)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('extra data is not authenticated', () => {
    const receipt = formatReceipt({ ...receiptOf(5, 11), extra: Buffer.from('anything') })
    expect(verifyReceipt({ receipt, entry, verifierKey }).ok).toBe(true)
  })

  test.each([
    ['verifier key', { verifierKey: 'no key' }],
    ['receipt', { receipt: 'hello' }],
    ['note', { receipt: text.replace('— ', '- ') }],
    ['signer', { verifierKey: otherKey }],
    ['signature', { receipt: text.replace('\n11\n', '\n12\n') }],
    ['inclusion', { entry: Buffer.from('{"seq":6}') }],
    ['inclusion', { receipt: text.replace('index 5', 'index 4') }],
    ['inclusion', { receipt: text.replace('index 5', 'index 11') }],
  ] as const)('the verdict names the %s as what failed', (failed, fault) => {
    const verdict = verifyReceipt({ receipt: text, entry, verifierKey, ...fault })
    expect(verdict).toMatchObject({ ok: false, failed })
  })

  test('a receipt whose index is beyond its checkpoint says so', () => {
    const receipt = text.replace('index 5', 'index 11')
    expect(verifyReceipt({ receipt, entry, verifierKey })).toMatchObject({
      message: 'Index 11 is outside a log of 11 entries',
    })
  })

  test.each(goVectors.receipts)('the receipt $index of $size created by Go is valid', (vector) => {
    const { receipt, index, size } = vector
    const given = { receipt, entry: Buffer.from(vector.entry), verifierKey: goVectors.verifierKey }
    expect(verifyReceipt(given)).toMatchObject({ ok: true, index, checkpoint: { size } })
    expect(formatReceipt(parseReceipt(receipt))).toBe(receipt)
    const other = Buffer.from('{"seq":7}')
    expect(verifyReceipt({ ...given, entry: other })).toMatchObject({ failed: 'inclusion' })
  })

  test('a witness can cosign a checkpoint, but cannot replace the signature of the log', () => {
    const witnessed = goVectors.receipts.find(({ receipt }) => receipt.includes('— witness'))
    const given = { receipt: witnessed?.receipt ?? '', entry: Buffer.from(witnessed?.entry ?? '') }
    expect(parseVerifierKey(goVectors.witnessKey).name).toBe('witness.example')
    expect(verifyReceipt({ ...given, verifierKey: goVectors.witnessKey })).toMatchObject({
      failed: 'origin',
    })
  })
})

const place = fc
  .integer({ min: 1, max: ENTRIES_MAX })
  .chain((size) => fc.tuple(fc.constant(size), fc.nat({ max: size - 1 })))
