import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import { failedLogins } from '../support/failed-logins.ts'
import { IS_TIMED, signIn, spread, tell } from './evidence.ts'

const SAMPLES = 500
const MEDIANS_APART_MS_MAX = 5

test.if(IS_TIMED)(
  `[P6] ${SAMPLES} failures of each kind: the same bytes, and medians within ${MEDIANS_APART_MS_MAX} ms`,
  async () => {
    const { answers, medians } = await failedLogins(SAMPLES)
    const told = [...medians].map(([way, ms]) => `${way} ${ms.toFixed(2)}`)
    tell(`failed logins, medians of ${SAMPLES} in ms: ${told.join(', ')}`)
    expect(answers).toHaveLength(1)
    const all = [...medians.values()]
    expect(Math.max(...all) - Math.min(...all)).toBeLessThan(MEDIANS_APART_MS_MAX)
  },
)

test.if(IS_TIMED)(
  `[P6] the same while people of the legacy server have not logged in yet`,
  async () => {
    const { answers, medians } = await failedLogins(SAMPLES, { withOlder: true })
    const told = [...medians].map(([way, ms]) => `${way} ${ms.toFixed(2)}`)
    tell(`failed logins beside older hashes, medians of ${SAMPLES} in ms: ${told.join(', ')}`)
    expect(answers).toHaveLength(1)
    const all = [...medians.values()]
    expect(Math.max(...all) - Math.min(...all)).toBeLessThan(MEDIANS_APART_MS_MAX)
  },
)

const WAVES = 20
const AT_ONCE = 200
const REFUSED_MS_MAX = 100
const OTHERS_P99_MS_MAX = 50
const MEMORY_MIB_MAX = 400

test.if(IS_TIMED)(
  `[P7] ${AT_ONCE} logins at once, ${WAVES} times: the excess is refused within ${REFUSED_MS_MAX} ms, other routes stay quick`,
  async () => {
    await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
    const { post } = clientOf(service.url)
    const token = await signIn(service.url)
    // Another account than the one that unlocks, since each may have a hundred sessions.
    const person = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
    await post('/register', person)
    const timed = async (request: () => Promise<Response>) => {
      const begun = performance.now()
      const { status } = await request()
      return { status, ms: performance.now() - begun }
    }
    const unlock = () => post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    const others: { status: number; ms: number }[] = []
    const waves = { left: WAVES }
    const unlocking = (async () => {
      while (waves.left > 0) others.push(await timed(unlock))
    })()
    const refused: number[] = []
    for (; waves.left > 0; waves.left -= 1) {
      const logins = Array.from({ length: AT_ONCE }, () => timed(() => post('/login', person)))
      const answers = await Promise.all(logins)
      expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200, 503]))
      refused.push(...answers.filter(({ status }) => status === 503).map(({ ms }) => ms))
    }
    await unlocking
    expect(new Set(others.map(({ status }) => status))).toStrictEqual(new Set([200]))
    const unlocks = others.map(({ ms }) => ms)
    const memoryMiB = peakMemoryMiB(service.pid)
    const told = `refused ${spread(refused)}, unlocks meanwhile ${spread(unlocks)}`
    tell(`${AT_ONCE} logins at once: ${told}; ${memoryMiB.toFixed(0)} MiB at the peak`)
    expect(p99(refused)).toBeLessThan(REFUSED_MS_MAX)
    expect(p99(unlocks)).toBeLessThan(OTHERS_P99_MS_MAX)
    expect(memoryMiB).toBeLessThan(MEMORY_MIB_MAX)
  },
)

const p99 = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length * 0.99)] ?? Number.NaN

const peakMemoryMiB = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
