import { expect } from 'bun:test'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import type { Service } from '../support/binary.ts'
import { descriptors } from './processes.ts'

/** Between two unlocks of the phone. */
const PAUSE_MS = 20

/** More unlocks than there are in a moment in which no attack has begun. */
const UNLOCKS_MIN = 20

/** The share of its connections that an attack has open at some moment. */
const OPEN_SHARE_MIN = 0.25

export type Attack = {
  readonly connections?: number
  readonly logins?: number
  readonly scans?: number
}

/** Runs hostile clients for that long while a phone unlocks; longer if it has unlocked only a few times, or
 * few of the connections were open at once. Returns how long each unlock took, and the highest number of open
 * descriptors. */
export const underAttack = async (
  service: Service,
  token: string,
  attack: Attack,
  seconds: number,
) => {
  const { connections = 0, logins = 0, scans = 0 } = attack
  const numbers = [new URL(service.url).port, connections, logins, scans].map(String)
  const hostile = Bun.spawn(
    [process.execPath, join(import.meta.dir, 'hostile-clients.ts'), ...numbers],
    { stdout: 'pipe', stderr: 'ignore' },
  )
  try {
    // It says so when all connections are open.
    await hostile.stdout.getReader().read()
    const { post } = clientOf(service.url)
    const times: number[] = []
    let most = 0
    const end = performance.now() + seconds * 1000
    const isOver = () =>
      performance.now() > end && times.length >= UNLOCKS_MIN && most >= OPEN_SHARE_MIN * connections
    while (!isOver()) {
      const begun = performance.now()
      const answer = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
      await answer.arrayBuffer()
      expect(answer.status).toBe(200)
      times.push(performance.now() - begun)
      most = Math.max(most, descriptors(service.pid))
      await Bun.sleep(PAUSE_MS)
    }
    return { times, most }
  } finally {
    hostile.kill()
    await hostile.exited
  }
}

export const p99 = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length * 0.99)] ?? Number.NaN
