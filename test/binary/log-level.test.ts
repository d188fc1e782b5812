import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'

test('SIGUSR2 changes the level of the log while it runs, says so, and keeps it on record', async () => {
  const folder = temporaryFolder()
  await using service = await startService({ folder, env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const records = () =>
    service
      .output()
      .log.split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const lines = (msg: string) => records().filter((record) => record['msg'] === msg)
  const changes = () => records().filter((record) => record['subject'] === 'LOG_LEVEL')
  const signal = async () => {
    const before = changes().length
    process.kill(service.pid, 'SIGUSR2')
    while (changes().length === before) await Bun.sleep(5)
    // What is logged is written a moment later.
    await fetch(`${service.url}/readyz`)
    await Bun.sleep(50)
  }
  // The start is on record before.
  while (changes().length === 0) await Bun.sleep(5)
  await fetch(`${service.url}/readyz`)
  await Bun.sleep(50)
  expect(lines('request')).toStrictEqual([])

  await signal()
  expect(changes().at(-1)).toMatchObject({ detail: { from: 'error', to: 'debug' } })
  expect(lines('request')).toMatchObject([{ route: '/readyz', status: 200 }])
  expect(lines('commit').length).toBeGreaterThan(0)

  const [requests, commits] = [lines('request').length, lines('commit').length]
  await signal()
  expect(changes().at(-1)).toMatchObject({ detail: { from: 'debug', to: 'error' } })
  expect(lines('request')).toHaveLength(requests)
  // The one of the record itself may be written before the level is changed, not after.
  expect(lines('commit').length).toBeLessThanOrEqual(commits + 1)

  const { out } = await runCommand(['audit', '--json', '--limit', '2'], { folder })
  expect(out).toContain('LOG_LEVEL')
  expect(await service.stop()).toBe(0)
  rmSync(folder, { recursive: true })
})
