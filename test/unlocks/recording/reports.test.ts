import { expect, test } from 'bun:test'
import { processLogger } from '../../../src/http/log/logger.ts'
import { REPORTS_PER_HOUR_MAX, reportRecorder } from '../../../src/unlocks/recording/reports.ts'
import { decidedLog } from '../../support/decided-log.ts'
import { reported } from '../../support/reports.ts'

test('a broker that makes up reports fills neither the log nor the disk, and repeats do not count', async () => {
  await using log = await decidedLog()
  const lines: string[] = []
  const report = reportRecorder({
    unlockLog: log.unlockLog,
    requireRoom: () => {},
    logger: processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
  })
  for (let times = 0; times < 3; times += 1) await report(reported({ entry: '1' }))
  for (let entry = 2; entry <= REPORTS_PER_HOUR_MAX; entry += 1)
    await report(reported({ entry: String(entry) }))
  const faults: unknown[] = []
  for (let entry = 1; entry <= 5; entry += 1)
    await report(reported({ entry: `more ${entry}` })).catch((error: unknown) => faults.push(error))
  expect(faults.map(String)).toStrictEqual(
    Array.from({ length: 5 }, () => 'RateLimitError: ratelimit exceeded'),
  )
  expect((await log.unlockLog.head()).size).toBe(REPORTS_PER_HOUR_MAX)
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toStrictEqual([
    'a lock reports more than it can do; the rest of the hour is not recorded',
  ])
  expect(await report(reported({ lock: 'garage' }))).toMatchObject({ status: 'stored' })
})
