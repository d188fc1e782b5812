import { expect, test } from 'bun:test'
import { dailyRecorder } from '../../src/audit/daily.ts'
import { DAY_MS } from '../../src/domain/duration.ts'
import { processLogger } from '../../src/http/log/logger.ts'

const from = (address: string) => ({ address, userAgent: '', requestId: undefined })

const EVENT = { action: 'proxy.silent', result: 'failure' } as const

test('[O3] a state that lasts is recorded once a day for each client, and for ten clients at most', async () => {
  const recorded: string[] = []
  const clock = { nowMs: 0 }
  const recordDaily = dailyRecorder({
    record: async ({ address }) => void recorded.push(address),
    logger: processLogger({ level: 'error', format: 'json', write: () => {} }),
    clock: { monotonicMs: () => clock.nowMs },
  })
  for (let round = 0; round < 3; round += 1)
    for (let n = 0; n < 20; n += 1) await recordDaily(from(`10.0.0.${n}`), EVENT)
  expect(recorded).toStrictEqual(Array.from({ length: 10 }, (_, n) => `10.0.0.${n}`))
  clock.nowMs = DAY_MS
  expect(await recordDaily(from('10.0.0.15'), EVENT)).toBe(true)
  expect(await recordDaily(from('10.0.0.15'), EVENT)).toBe(false)
})

test('[O3] an event that could not be stored is tried again', async () => {
  const outcomes = [Promise.reject(new Error('disk full')), Promise.resolve()]
  const lines: string[] = []
  const recordDaily = dailyRecorder({
    record: () => outcomes.shift() ?? Promise.resolve(),
    logger: processLogger({ level: 'error', format: 'json', write: (line) => lines.push(line) }),
    clock: { monotonicMs: () => 0 },
  })
  expect(await recordDaily(from('10.0.0.1'), EVENT)).toBe(false)
  expect(lines.join()).toContain('audit event not recorded')
  expect(await recordDaily(from('10.0.0.1'), EVENT)).toBe(true)
})
