import { expect, test } from 'bun:test'
import type { Queries } from '../../../src/storage/queries.ts'
import { serverClock } from '../../../src/storage/postgres/server-clock.ts'

/** A database whose clock is set by hand, and answers after some time. */
const serverOf = (nowMs: number) => {
  const server = { nowMs, passedMs: 0, tookMs: 4, isDown: false }
  const pass = (ms: number): void => {
    server.nowMs += ms
    server.passedMs += ms
  }
  const get = async <Row>(): Promise<Row | undefined> => {
    if (server.isDown) throw new Error('it is down')
    pass(server.tookMs / 2)
    const row = { nowMs: server.nowMs } as Row
    pass(server.tookMs / 2)
    return row
  }
  const queries: Pick<Queries, 'get'> = { get }
  return { server, pass, clock: serverClock({ queries, monotonicMs: () => server.passedMs }) }
}

const NOON_MS = Date.UTC(2026, 10, 30, 12)

test('it shows the time of the database, whatever the answer took', async () => {
  const { server, pass, clock } = serverOf(NOON_MS)
  const { wallMs, stop } = await clock
  expect(wallMs()).toBe(server.nowMs)
  pass(61_000)
  expect(wallMs()).toBe(server.nowMs)
  stop()
})

test('it follows a clock that is set forward at once', async () => {
  const { server, clock } = serverOf(NOON_MS)
  const { wallMs, follow, stop } = await clock
  server.nowMs += 600_000
  await follow()
  expect(wallMs()).toBe(server.nowMs)
  stop()
})

test('it never runs backwards: it waits for a clock that is set back by running slower', async () => {
  const { server, pass, clock } = serverOf(NOON_MS)
  const { wallMs, follow, stop } = await clock
  server.nowMs -= 10_000
  let last = wallMs()
  await follow()
  for (let second = 0; second < 120; second += 1) {
    pass(1000)
    expect(wallMs() - last).toBeGreaterThanOrEqual(890)
    last = wallMs()
    if (second === 60) await follow()
  }
  expect(last).toBe(server.nowMs)
  stop()
})

test('it goes on while the database cannot be asked', async () => {
  const { server, pass, clock } = serverOf(NOON_MS)
  const { wallMs, follow, stop } = await clock
  server.isDown = true
  const failed = await follow().then(
    () => false,
    () => true,
  )
  expect(failed).toBe(true)
  pass(1000)
  expect(wallMs()).toBe(server.nowMs)
  stop()
})
