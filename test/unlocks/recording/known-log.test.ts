import { expect, test } from 'bun:test'
import { type Known, caughtUp, signed, textHead } from '../../../src/unlocks/recording/known-log.ts'
import { frontier, leafHash } from '../../../src/unlocks/tlog/merkle-tree.ts'
import { noteSigner } from '../../../src/unlocks/tlog/note-signer.ts'

const key = noteSigner('log.example', new Uint8Array(32).fill(1))

const leaf = (text: string): Uint8Array => leafHash(new TextEncoder().encode(text))

const treeOf = (texts: string) => {
  const tree = frontier()
  for (const text of texts) tree.append(leaf(text))
  return tree
}

const headOf = (texts: string) => {
  const tree = treeOf(texts)
  return { size: tree.size(), root: tree.root() }
}

/** A log that this process knows; each letter is a leaf. */
const known = (texts: string): Known => ({
  tree: treeOf(texts),
  logged: { certainMs: 5, lastMs: 6 },
  hasReports: false,
  checkpoint: signed(key, headOf(texts)).checkpoint,
  continues: [textHead(headOf(texts))],
})

/** What others have done to it: the leaves that they have added, and the head that they have signed. */
const added = (texts: string, head: string, signer = key) => ({
  ...signed(signer, headOf(head)),
  next: head.length,
  hasReports: 1,
  hashes: Array.from(texts, (text) => leaf(text).toHex().toUpperCase()).join(''),
  certainMs: 7,
  lastMs: 8,
})

const keeping = (texts: string) => ({ key, kept: textHead(headOf(texts)) })

test('leaves of others continue the known log if they lead to a signed head', () => {
  const found = caughtUp(known('abc'), added('defg', 'abcdefg'), keeping('abc'))
  expect(found?.tree.root()).toStrictEqual(headOf('abcdefg').root)
  expect(found?.logged).toStrictEqual({ certainMs: 7, lastMs: 8 })
  expect(found?.hasReports).toBe(true)
  // Nobody has added anything.
  expect(caughtUp(known('abc'), added('', 'abc'), keeping('abc'))?.tree.size()).toBe(3)
})

test('the largest signed head may be any head on the way, but no other', () => {
  const others = added('defg', 'abcdefg')
  for (const kept of ['abc', 'abcd', 'abcdef', 'abcdefg'])
    expect([kept, caughtUp(known('abc'), others, keeping(kept)) !== undefined]).toEqual([
      kept,
      true,
    ])
  for (const kept of ['ab', 'abx', 'abcx', 'abcdefx', 'abcdefgh'])
    expect([kept, caughtUp(known('abc'), others, keeping(kept))]).toEqual([kept, undefined])
})

test.each([
  ['a missing leaf', added('dfg', 'abcdefg')],
  ['a different leaf', added('dxfg', 'abcdefg')],
  ['a shorter log', added('', 'ab')],
  ['a log that forked', added('', 'abx')],
  ['rows beyond the head', { ...added('d', 'abcd'), next: 5 }],
  [
    'a head signed by another key',
    added('d', 'abcd', noteSigner('log.example', new Uint8Array(32))),
  ],
])('%s does not continue it', (_, others) => {
  expect(caughtUp(known('abc'), others, keeping('abc'))).toBeUndefined()
})
