import { expect, test } from 'bun:test'
import { takeTurn, yieldToEventLoop } from '../../src/domain/event-loop.ts'

test('[G7] in each turn of the event loop one long read takes a step, in order', async () => {
  const steps: string[] = []
  const reading = async (name: string) => {
    for (let step = 0; step < 3; step += 1) {
      await takeTurn()
      steps.push(name)
    }
  }
  const reads = Promise.all(['a', 'b', 'c'].map(reading))
  const seen: number[] = []
  while (steps.length < 9) {
    await yieldToEventLoop()
    seen.push(steps.length)
  }
  await reads
  expect(steps.join('')).toBe('abcabcabc')
  // Never more than one step between two turns.
  expect(seen.every((count, at) => count - (seen[at - 1] ?? 0) <= 1)).toBe(true)
})

test('[G7] a read whose client is gone takes no further step', async () => {
  const leaving = new AbortController()
  await takeTurn(leaving.signal)
  const next = takeTurn(leaving.signal)
  leaving.abort(new Error('gone'))
  expect(next).rejects.toThrow('gone')
  expect(takeTurn(leaving.signal)).rejects.toThrow('gone')
  await takeTurn()
})
