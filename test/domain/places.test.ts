import { expect, test } from 'bun:test'
import { type Place, places } from '../../src/domain/places.ts'

const OPTIONS = { max: 5, reserved: 1, perAccountMax: 2, perClientMax: 3, idleMsMax: Infinity }

type Rank = Parameters<ReturnType<typeof places>['take']>[0]['rank']

/** Places, and the accounts that gave way. */
const opened = (options: Partial<typeof OPTIONS> = {}) => {
  const all = places({ ...OPTIONS, ...options })
  const gone: string[] = []
  const take = (rank: Rank, account: string, client = account) =>
    all.take({ rank, account, client }, () => gone.push(account))
  const taken = (rank: Rank, account: string, client = account): Place => {
    const place = take(rank, account, client)
    if (typeof place !== 'object') throw new Error(`no place: ${place}`)
    return place
  }
  return { ...all, gone, take, taken }
}

test('an account and a client have so many places, and a keeper counts at no client', () => {
  const { take, taken, gone } = opened()
  const first = taken('member', 'ada', 'home')
  taken('member', 'ada', 'home')
  expect(take('member', 'ada', 'elsewhere')).toBe('account')
  taken('member', 'bob', 'home')
  expect(take('member', 'eve', 'home')).toBe('client')
  expect(take('newcomer', 'new', 'home')).toBe('client')
  taken('admin', 'oli', 'home')
  first.release()
  first.release()
  taken('member', 'eve', 'home')
  expect(gone).toStrictEqual([])
})

test('newcomers at a client leave its members their share', () => {
  const { take, taken } = opened({ max: 10 })
  for (const account of ['a', 'b', 'c']) taken('newcomer', account, 'home')
  expect(take('newcomer', 'd', 'home')).toBe('client')
  for (const account of ['k', 'l', 'm']) taken('member', account, 'home')
  expect(take('member', 'n', 'home')).toBe('client')
})

test('newcomers beyond what a client may have give way to each other, if not in use', () => {
  const { take, taken, gone, count } = opened({ max: 10 })
  taken('newcomer', 'a', 'home')
  taken('newcomer', 'b', 'home').idle()
  taken('newcomer', 'c', 'home').idle()
  taken('newcomer', 'd', 'home')
  expect(gone).toStrictEqual(['b'])
  taken('newcomer', 'e', 'home')
  expect(gone).toStrictEqual(['b', 'c'])
  expect(take('newcomer', 'f', 'home')).toBe('client')
  expect(count()).toBe(3)
})

test('some places are only for keepers', () => {
  const { take, taken, count } = opened()
  for (const account of ['a', 'b', 'c', 'd']) taken('member', account)
  expect(take('member', 'e')).toBe('full')
  taken('admin', 'oli')
  expect(count()).toBe(5)
})

test('a newcomer gives way to a member, a member to a keeper, and nobody to their equals', () => {
  const { take, taken, gone, count } = opened()
  for (const account of ['a', 'b', 'c']) taken('newcomer', account).idle()
  taken('member', 'm').idle()
  expect(take('newcomer', 'd')).toBe('full')
  taken('member', 'n')
  for (const account of ['oli', 'amy', 'ann']) taken('admin', account)
  expect(gone).toStrictEqual(['a', 'b', 'c'])
  expect(take('member', 'o')).toBe('full')
  taken('admin', 'al')
  taken('admin', 'bo')
  expect(gone).toStrictEqual(['a', 'b', 'c', 'm', 'n'])
  expect([take('admin', 'cy'), count()]).toStrictEqual(['full', 5])
})

test('the place that is idle for longest gives way, those in use last', () => {
  const { taken, gone } = opened({ max: 4 })
  const [a, b, c] = ['a', 'b', 'c'].map((account) => taken('newcomer', account))
  b?.idle()
  const since = performance.now()
  while (performance.now() === since);
  a?.idle()
  for (const account of ['m', 'n', 'o']) taken('member', account)
  expect(gone).toStrictEqual(['b', 'a', 'c'])
  c?.release()
})

test('a place that is idle for too long gives way to equals', () => {
  const { take, taken, gone } = opened({ max: 2, idleMsMax: 0 })
  const place = taken('member', 'a')
  expect(take('member', 'b')).toBe('full')
  place.idle()
  taken('member', 'b')
  expect(gone).toStrictEqual(['a'])
})

test('an admin gives way to an owner, but only after everybody below', () => {
  const { take, taken, gone } = opened()
  for (const account of ['amy', 'ann', 'al']) taken('admin', account)
  taken('member', 'm')
  taken('admin', 'bo').idle()
  taken('owner', 'oli')
  taken('owner', 'ola')
  expect(gone).toStrictEqual(['m', 'bo'])
  expect(take('admin', 'cy')).toBe('full')
})
