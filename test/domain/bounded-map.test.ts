import { expect, test } from 'bun:test'
import { BoundedMap } from '../../src/domain/bounded-map.ts'

test('beyond its size, a bounded map drops the entry that was set longest ago', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1).set('b', 2).set('c', 3)
  expect([...map]).toStrictEqual([
    ['b', 2],
    ['c', 3],
  ])
})

test('reading an entry does not keep it, setting it again does', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1).set('b', 2)
  expect(map.get('a')).toBe(1)
  map.set('b', 4).set('c', 3)
  expect([...map.keys()]).toStrictEqual(['b', 'c'])
  map.set('b', 5).set('d', 6)
  expect([...map]).toStrictEqual([
    ['b', 5],
    ['d', 6],
  ])
})

test('a deleted entry makes room', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1).set('b', 2).delete('b')
  map.set('c', 3)
  expect([...map.keys()]).toStrictEqual(['a', 'c'])
})

test('a large map drops some of its oldest entries at once', () => {
  const map = new BoundedMap<number, number>(160)
  for (let key = 0; key <= 160; key += 1) map.set(key, key)
  expect([...map.keys()]).toStrictEqual(Array.from({ length: 150 }, (_, at) => at + 11))
})
