import { expect, test } from 'bun:test'
import { gatewayId, lastUnlocks } from '../../src/mqtt/memory.ts'
import { startApp } from '../support/app.ts'

test('a gateway is called the same for good', async () => {
  await using app = await startApp()
  const ids = await Promise.all([gatewayId(app), gatewayId(app)])
  expect(ids[0]).toMatch(/^[\da-f]{8}$/)
  expect(new Set([...ids, await gatewayId(app)]).size).toBe(1)
})

test('the last unlock is the one that happened last, and is remembered', async () => {
  await using app = await startApp()
  const last = lastUnlocks(app)
  const note = (seq: number, happenedAtMs: number, label = 'front-door', nowMs = 1000) =>
    last.note(label, { seq, happenedAtMs, isLate: false }, nowMs)
  const seqs = (of = last) =>
    Object.fromEntries([...of.all()].map(([label, { seq }]) => [label, seq]))
  note(1, 100)
  note(7, 50, 'garage')
  // A phone was offline yesterday.
  note(2, 90)
  expect(seqs()).toStrictEqual({ 'front-door': 1, garage: 7 })
  note(3, 100)
  expect(seqs()).toStrictEqual({ 'front-door': 3, garage: 7 })
  // The clock was ahead, and is right again.
  note(4, 9000, 'front-door', 9000)
  note(5, 200, 'front-door', 1000)
  expect(seqs()).toStrictEqual({ 'front-door': 5, garage: 7 })
  await last.saved()
  const again = lastUnlocks(app)
  await again.read()
  expect(seqs(again)).toStrictEqual({ 'front-door': 5, garage: 7 })
})
