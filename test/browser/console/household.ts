import { join } from 'node:path'
import { insertAccount } from '../../../src/accounts/core/store.ts'
import { openApp } from '../../../src/app.ts'
import { parseConfig } from '../../../src/config/config.ts'
import type { Role } from '../../../src/domain/account.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import type { NewUnlockEvent } from '../../../src/unlocks/log/event.ts'
import { keyFile } from '../../../src/unlocks/log/key-file.ts'
import { openUnlockLog } from '../../../src/unlocks/log/service.ts'
import { PASSWORD } from '../../support/app.ts'
import { UNLIMITED, temporaryFolder } from '../../support/binary.ts'

const DAY_MS = 86_400_000

const PEOPLE: Readonly<Record<string, Role>> = {
  oli: 'owner',
  amy: 'admin',
  ada: 'member',
  grace: 'member',
  'maximilian-of-the-long-name': 'member',
}

const METHODS = ['fingerprint', 'pin', 'fingerprint', 'card', 'Face ID of the new phone'] as const

/** A data folder in which people opened the door for some weeks until now; the newest events are a
 * refused one, a late one and one of a legacy server. Gives the folder and the public ids. */
export const lived = async (days: number) => {
  const folder = temporaryFolder()
  const clock = { nowMs: Math.floor(Date.now() / DAY_MS - days) * DAY_MS }
  const config = parseConfig({ ...UNLIMITED, DATA_DIR: join(folder, 'data') })
  const app = await openApp(config, {
    logger: processLogger({ level: 'info', format: 'json', write: () => {} }),
  })
  // The app's own clock would doubt each of these leaps.
  const log = await openUnlockLog({
    store: app.unlocks.store,
    signer: keyFile(config.dataDir).open({ hasLog: true }),
    clock: () => ({ nowMs: clock.nowMs, isUncertain: false }),
  })
  const ids: Record<string, string> = {}
  for (const [username, role] of Object.entries(PEOPLE)) {
    const person = { username, password: PASSWORD, phone: '1', address: 'x' }
    const account = { ...(await app.accounts.newAccounts.check(person)), role }
    await app.db.transaction((tx) => insertAccount(tx, account, Date.now()))
  }
  for (const { username, publicId } of await app.accounts.store.page(0, 100))
    ids[username] = publicId

  const names = Object.keys(PEOPLE)
  let count = 0
  const append = async (some: Partial<NewUnlockEvent> = {}): Promise<void> => {
    const username = some.username ?? names[(count * 7) % names.length] ?? 'ada'
    count += 1
    await log.append([
      {
        id: crypto.randomUUID(),
        accountPublicId: ids[username] ?? '',
        username,
        method: METHODS[(count * 3) % METHODS.length] ?? 'pin',
        lock: count % 9 === 0 ? 'garage' : 'front-door',
        result: 'unlocked',
        reason: null,
        source: 'claimed',
        occurredAtMs: clock.nowMs - 1200,
        ...some,
      },
    ])
  }
  for (let day = 0; day < days; day += 1) {
    const hours = [7.5, 8.2, 13 + (day % 3), 17.6, 18.9].slice(0, 2 + (day % 4))
    const startMs = clock.nowMs
    for (const hour of hours) {
      clock.nowMs = startMs + hour * 3_600_000
      if (clock.nowMs < Date.now() - 3_600_000) await append()
    }
    clock.nowMs = startMs + DAY_MS
  }
  clock.nowMs = Date.now() - 15 * 60_000
  await append({
    username: 'ada',
    method: 'pin',
    source: 'imported',
    occurredAtMs: Date.parse('2021-05-03T16:20:00Z'),
  })
  clock.nowMs = Date.now() - 11 * 60_000
  await append({ username: 'grace', method: 'pin', occurredAtMs: clock.nowMs - 7 * 3_600_000 })
  clock.nowMs = Date.now() - 4 * 60_000
  await append({ username: 'ada', result: 'denied', reason: 'restricted', method: 'pin' })
  await app[Symbol.asyncDispose]()
  return { folder, ids, size: count }
}
