import { expect, test } from 'bun:test'
import { passwordHasher } from '../../../src/accounts/passwords/hasher.ts'

test('[P7] reports how many hashes are running, are waiting and were refused', async () => {
  const weak = { memoryCost: 8, timeCost: 1 }
  const { hash, load } = passwordHasher({ concurrency: 1, waitingMax: 2 }, weak)
  expect(load()).toStrictEqual({ running: 0, waiting: 0, refused: 0 })
  const hashing = Promise.allSettled(Array.from({ length: 5 }, () => hash('four brown doors')))
  expect(load()).toStrictEqual({ running: 1, waiting: 2, refused: 2 })
  const outcomes = (await hashing).map(({ status }) => status)
  expect(outcomes).toStrictEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
  expect(load()).toStrictEqual({ running: 0, waiting: 0, refused: 2 })
})
