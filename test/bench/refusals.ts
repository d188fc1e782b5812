import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { startService } from '../support/binary.ts'
import { failedLogins } from '../support/failed-logins.ts'
import { p99, underAttack } from '../faults/attack.ts'
import { signIn } from '../faults/evidence.ts'
import { type Lines, atMost, say } from './line.ts'
import { QUIET } from './service.ts'

const SAMPLES = 500
const WAVES = 20
const AT_ONCE = 200

/** Failed logins, logins over the limits, and unlocks under attack. */
export async function* refusalLines(): Lines {
  say('failed logins, and logins over the limits')
  const below = (maxMs: number, what: string, value: number) =>
    atMost(maxMs, { what, value, unit: ' ms' })
  yield below(
    5,
    'medians of all kinds of failed logins differ by',
    await failedLoginsApartMs(false),
  )
  yield below(5, 'the same with legacy accounts', await failedLoginsApartMs(true))
  const { refusedMs, unlocksMs } = await loginWaves()
  yield below(100, '200 logins at once: p99 of a refusal', refusedMs)
  yield below(50, 'p99 of `/logUnlocking` meanwhile', unlocksMs)
  yield below(200, 'p99 of `/logUnlocking` under attack', await unlocksUnderAttackMs(30))
}

/** How far apart the medians of all kinds of failed logins are. */
const failedLoginsApartMs = async (withOlder: boolean): Promise<number> => {
  const { medians } = await failedLogins(SAMPLES, { withOlder })
  return Math.max(...medians.values()) - Math.min(...medians.values())
}

/** The p99 of the time until an excess login is refused, and of unlocks meanwhile. */
const loginWaves = async () => {
  await using service = await startService({ env: QUIET })
  const { post } = clientOf(service.url)
  const token = await signIn(service.url)
  // Not the account that unlocks, since each may have a hundred sessions.
  const person = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
  await post('/register', person)
  const timed = async (request: () => Promise<Response>) => {
    const begun = performance.now()
    const { status } = await request()
    return { status, ms: performance.now() - begun }
  }
  const waves = { left: WAVES }
  const unlocks: number[] = []
  const unlocking = (async () => {
    const unlock = () => post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    while (waves.left > 0) unlocks.push((await timed(unlock)).ms)
  })()
  const refused: number[] = []
  for (; waves.left > 0; waves.left -= 1) {
    const logins = Array.from({ length: AT_ONCE }, () => timed(() => post('/login', person)))
    for (const { status, ms } of await Promise.all(logins)) if (status === 503) refused.push(ms)
  }
  await unlocking
  return { refusedMs: p99(refused), unlocksMs: p99(unlocks) }
}

/** The p99 of a phone's unlocks while hostile clients keep the service busy. */
const unlocksUnderAttackMs = async (seconds: number): Promise<number> => {
  await using service = await startService({ env: QUIET })
  const token = await signIn(service.url)
  const attack = { connections: 1000, logins: 50, scans: 5 }
  return p99((await underAttack(service, token, attack, seconds)).times)
}
