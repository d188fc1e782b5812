import { describe, expect, test } from 'bun:test'
import { lines as pollLines } from '../../../src/controllers/online/lines.ts'

const NEVER = new AbortController().signal
const LONG_MS = 100_000

const opened = () => {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs }
  const lines = pollLines(clock)
  return {
    clock,
    lines,
    /** Opens a poll that waits. */
    wait: (client = 'home', signal: AbortSignal = NEVER) => {
      const line = lines.open('one', client)
      return { line, woken: line.next(LONG_MS, signal) }
    },
  }
}

describe('the polls of a controller', () => {
  test('are all woken, and one that was woken before it waits does not wait', async () => {
    const { lines, wait } = opened()
    const [here, there] = [wait('here'), wait('there')]
    lines.wake('one')
    expect(await Promise.all([here.woken, there.woken])).toStrictEqual([true, true])
    const line = lines.open('one', 'here')
    lines.wake('one')
    expect(await line.next(LONG_MS, NEVER)).toBe(true)
  })

  test('end after their time, when nobody waits for them, and when the gateway stops', async () => {
    const { lines, wait } = opened()
    expect(await lines.open('one', 'home').next(0, NEVER)).toBe(false)
    const hangUp = new AbortController()
    const { woken } = wait('home', hangUp.signal)
    hangUp.abort()
    expect(await woken).toBe(false)
    const last = wait()
    lines.close()
    expect(await last.woken).toBe(false)
    expect(await wait().woken).toBe(false)
  })

  test('end with a newer one of the same client, and of no other', async () => {
    const { lines, wait } = opened()
    const [older, other] = [wait('here'), wait('there')]
    const newer = wait('here')
    expect(await older.woken).toBe(false)
    expect([older.line.isNewest(), newer.line.isNewest(), other.line.isNewest()]).toStrictEqual([
      false,
      true,
      true,
    ])
    lines.forget('one')
    expect(await Promise.all([newer.woken, other.woken])).toStrictEqual([false, false])
  })

  test('are at most sixteen: the oldest makes room', async () => {
    const { wait, lines } = opened()
    const polls = Array.from({ length: 17 }, (_, at) => wait(`client ${at}`))
    expect(await polls[0]?.woken).toBe(false)
    lines.wake('one')
    const others = await Promise.all(polls.slice(1).map(({ woken }) => woken))
    expect(new Set(others)).toStrictEqual(new Set([true]))
  })

  test('keep it online while one waits, and for five seconds after the last', () => {
    const { clock, lines, wait } = opened()
    expect(lines.isOnline('one')).toBe(false)
    const [here, there] = [wait('here'), wait('there')]
    here.line.close()
    clock.nowMs += 60_000
    expect([lines.isOnline('one'), lines.isPolling('one')]).toStrictEqual([true, true])
    there.line.close()
    clock.nowMs += 4999
    expect([lines.isOnline('one'), lines.isPolling('one')]).toStrictEqual([true, false])
    clock.nowMs += 1
    expect(lines.isOnline('one')).toBe(false)
  })
})
