import { describe, expect, test } from 'bun:test'
import { LOOK_MS, REQUEST_MS_MAX, answersInTime } from '../../../src/http/connection/in-time.ts'
import { LATE_MS } from '../../../src/storage/database.ts'
import { ANSWER_MS_MAX } from '../../../src/storage/postgres/client.ts'
import { STATEMENT_MS_MAX } from '../../../src/storage/postgres/writer.ts'
import { textOf } from '../../support/manual.ts'

const request = (method = 'GET') => new Request('http://localhost/', { method })

const never = new Promise<never>(() => {})

const LATE = 'The database takes too long to answer'

describe('a request that waits too long', () => {
  const outcomeOf = (isLate: () => boolean, work: () => unknown, method?: string) =>
    answersInTime({ isLate, waitMsMax: 20 })
      .answer(request(method), work)
      .catch((error: unknown) => (error instanceof Error ? error.message : error))

  test('is refused if the database is late, whatever it waits for', async () => {
    expect(
      await outcomeOf(
        () => true,
        () => never,
      ),
    ).toBe(LATE)
    expect(
      await outcomeOf(
        () => true,
        () => never,
        'POST',
      ),
    ).toBe(`${LATE}; this may or may not have been recorded, try again`)
  })

  test('is answered as usual while the database answers', async () => {
    const slow = () => Bun.sleep(60).then(() => 'done')
    expect(await outcomeOf(() => false, slow)).toBe('done')
    expect(
      await outcomeOf(
        () => true,
        () => 'quick',
      ),
    ).toBe('quick')
    const failing = () => Promise.reject(new Error('its own fault'))
    expect(await outcomeOf(() => true, failing)).toBe('its own fault')
  })

  test('is refused once the database is late, even if it was not at first', async () => {
    let looks = 0
    expect(
      await outcomeOf(
        () => (looks += 1) > 2,
        () => never,
      ),
    ).toBe(LATE)
  })

  test('leaves no answer open afterwards', async () => {
    const { promise: late, resolve: answer } = Promise.withResolvers<Response>()
    const { promise: cancelled, resolve: onCancel } = Promise.withResolvers<void>()
    expect(
      await outcomeOf(
        () => true,
        () => late,
      ),
    ).toBe(LATE)
    answer(new Response(new ReadableStream({ cancel: () => onCancel() })))
    await cancelled
  })
})

test('the time counts from the arrival of the request', async () => {
  let asked = Number.NaN
  const { arrive, answer } = answersInTime({
    isLate: (sinceMs) => {
      asked = sinceMs
      return true
    },
    waitMsMax: 20,
  })
  const one = request()
  const before = performance.now()
  arrive(one)
  const after = performance.now()
  await Bun.sleep(5)
  arrive(one)
  await answer(one, () => never).catch(() => {})
  expect(asked).toBeGreaterThanOrEqual(before)
  expect(asked).toBeLessThanOrEqual(after)
})

test('the deadlines add up to the three seconds that the manual promises', () => {
  const longestMs = 3000
  // A statement ends before its connection is given up, and both before the request is.
  expect(STATEMENT_MS_MAX).toBeLessThan(ANSWER_MS_MAX)
  expect(ANSWER_MS_MAX).toBeLessThan(REQUEST_MS_MAX)
  // By then, the database counts as late, whether it was asked to read or to write.
  expect(LATE_MS).toBeLessThan(REQUEST_MS_MAX)
  expect(REQUEST_MS_MAX + LOOK_MS).toBeLessThanOrEqual(longestMs)
  expect(ANSWER_MS_MAX + LOOK_MS).toBeLessThanOrEqual(longestMs)
  expect(textOf('src/manual/postgresql.md')).toContain(
    `requests are answered with 503 after ${longestMs / 1000} seconds at most`,
  )
})
