import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { until } from '../support/until.ts'

test('SIGUSR2 changes the log level at run time, says so, and leaves an audit event', async () => {
  const folder = temporaryFolder()
  await using service = await startService({ folder, env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const records = () =>
    service
      .output()
      .log.split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const count = (msg: string) => records().filter((record) => record['msg'] === msg).length
  const routes = () => records().flatMap(({ msg, route }) => (msg === 'request' ? [route] : []))
  const changes = () => records().filter((record) => record['subject'] === 'LOG_LEVEL')
  const signal = async () => {
    const before = changes().length
    process.kill(service.pid, 'SIGUSR2')
    await until(() => changes().length > before)
  }
  const request = async (path: string) => (await fetch(service.url + path)).text()
  await request('/livez')
  expect(routes()).toBeEmpty()

  // A request is logged some time after its answer: that one may be, from now on.
  await signal()
  expect(changes().at(-1)).toMatchObject({ detail: { from: 'error', to: 'debug' } })
  await request('/readyz')
  await until(() => routes().includes('/readyz'))
  expect(count('commit')).toBeGreaterThan(0)

  const commits = count('commit')
  await signal()
  expect(changes().at(-1)).toMatchObject({ detail: { from: 'debug', to: 'error' } })
  await request('/join')
  // The line of the audit event itself may be written before the level changes, not after.
  expect(count('commit')).toBeLessThanOrEqual(commits + 1)

  const { out } = await runCommand(['audit', '--json', '--limit', '2'], { folder })
  expect(out).toContain('LOG_LEVEL')
  expect(await service.stop()).toBe(0)
  expect(routes()).not.toContain('/join')
  rmSync(folder, { recursive: true })
})
