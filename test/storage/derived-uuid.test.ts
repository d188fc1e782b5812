import { expect, test } from 'bun:test'
import { derivedUuid, keyedUuids } from '../../src/storage/derived-uuid.ts'

const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('[G10] a derived id is a UUID of version 8, and depends on the text and on the key', () => {
  const ids = ['one key', 'another key']
    .map((key) => keyedUuids(Buffer.from(key)))
    .flatMap((deriveUuid) => ['unlock 1', 'unlock 2'].map(deriveUuid))
  expect(new Set([...ids, ...['unlock 1', 'unlock 2'].map(derivedUuid)]).size).toBe(6)
  for (const id of ids) expect(id).toMatch(UUID_8)
  expect(keyedUuids(Buffer.from('one key'))('unlock 1')).toBe(ids[0] ?? '')
})

test('the ids of earlier versions stay the same, so that an import recognizes them', () => {
  expect(derivedUuid('unlock\n1\n2025-03-01 10:00:00.000000')).toBe(
    '028e0043-54c2-85d0-89c1-5cf15c4706e9',
  )
})
