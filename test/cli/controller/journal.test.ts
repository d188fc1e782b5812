import { expect, test } from 'bun:test'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openJournal } from '../../../src/cli/controller/journal.ts'
import { openStatement, payloadHash } from '../../../src/domain/statement/statement.ts'
import { makePrivateFolder } from '../../../src/storage/files/private-files.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { controllerGateway } from '../../support/controller-gateway.ts'
import { controllerPlace } from '../../support/controller-place.ts'
import { testKey } from '../../support/statements.ts'
import { until } from '../../support/until.ts'

const A = '0198a3f0-7c1d-7e52-8a5b-000000000001'
const B = '0198a3f0-7c1d-7e52-8a5b-000000000002'

const journalIn = async () => {
  const folder = temporaryFolder()
  makePrivateFolder(folder)
  const key = await testKey()
  return {
    folder,
    key,
    open: () =>
      openJournal({
        folder,
        key,
        lock: '8a5be4c76e2f13d0',
        now: () => ({ issuedAtS: 1_796_025_600, clockUnsure: false }),
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

const started = (count: number) =>
  Array.from({ length: count }, () => ({ result: 'started' }) as const)

test('reports that nobody takes are kept up to a thousand, and the oldest go', async () => {
  using place = await journalIn()
  const journal = await place.open()
  await journal.append(started(1500))
  const [oldest] = journal.unsent(1)
  expect(oldest?.counter).toBe(501)
  expect(journal.within([[501, 600]], 1000)).toHaveLength(100)
  const sizeBefore = statSync(join(place.folder, 'reports')).size
  await journal.append(started(600))
  expect(statSync(join(place.folder, 'reports')).size).toBeLessThan(sizeBefore)
  expect(journal.unsent(5000)).toHaveLength(1000)
  expect(journal.within([[1, 1100]], 1000)).toHaveLength(0)

  // They are still one chain after the next start.
  const again = await place.open()
  await again.append(started(1))
  const reports = again.unsent(5000)
  expect(reports.map(({ counter }) => counter)).toStrictEqual(
    Array.from({ length: 1000 }, (_, at) => 1102 + at),
  )
  for (const [at, report] of reports.slice(1).entries()) {
    const claims = await openStatement('report', report.statement, place.key.publicKey)
    const before = reports[at]?.statement ?? new Uint8Array()
    expect(claims?.previous).toStrictEqual(await payloadHash(before))
  }
})

test('what was sent is not sent again after the next start, and can still be asked for', async () => {
  using place = await journalIn()
  const journal = await place.open()
  await journal.append(started(5))
  journal.markSent(3)
  const again = await place.open()
  expect(again.unsent(10).map(({ counter }) => counter)).toStrictEqual([4, 5])
  expect(again.within([[2, 4]], 10).map(({ counter }) => counter)).toStrictEqual([2, 3, 4])
})

test('openings without an end are known after the next start, each attempt by itself', async () => {
  using place = await journalIn()
  const journal = await place.open()
  await Promise.all([
    journal.append([{ result: 'opening', attempt: A }]),
    journal.append([{ result: 'opening', attempt: B }]),
    journal.append([{ result: 'released', attempt: A }]),
  ])
  const again = await place.open()
  expect(again.unfinished()).toStrictEqual([B])
  expect([again.knows(A), again.knows(B), again.knows('other')]).toStrictEqual([true, true, false])
  expect(again.unsent(9).map(({ counter }) => counter)).toStrictEqual([1, 2, 3])
})

test('without room for the report, the door stays shut; with room again, the chain goes on', async () => {
  await using gateway = await controllerGateway()
  await using place = controllerPlace()
  await place.start([...gateway.args, '--enrol-only']).exited()
  const first = place.start([place.open])
  await until(() => gateway.reports.length === 1)
  await first.stop()
  // Files of at most 512 bytes: room for another start, but not for an opening.
  const full = place.start([place.open], {}, [
    '/bin/sh',
    '-c',
    `trap '' XFSZ; ulimit -f 1; exec "$@"`,
    'sh',
  ])
  await gateway.command(A)

  await full.says('Cannot report, so the door is shut: Cannot write')
  expect(place.bolt()).toStrictEqual([])
  await full.stop()
  const later = place.start([place.open, '--open-seconds=1'])
  await gateway.command(B)
  await until(() => gateway.results(B).includes('released'))
  expect(gateway.reports.map(({ counter }) => counter)).toStrictEqual([1, 2, 3, 4, 5])
  await later.stop()
})
