import { join } from 'node:path'
import { insertAccount } from '../../../src/accounts/core/store.ts'
import { openApp } from '../../../src/app.ts'
import { parseConfig } from '../../../src/config/config.ts'
import type { NewReport } from '../../../src/domain/access.ts'
import type { Role } from '../../../src/domain/account.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import type { NewUnlockEvent } from '../../../src/unlocks/log/event.ts'
import { keyFile } from '../../../src/unlocks/log/key-file.ts'
import { openUnlockLog } from '../../../src/unlocks/recording/service.ts'
import { PASSWORD } from '../../support/app.ts'
import { UNLIMITED, temporaryFolder, withHome } from '../../support/binary.ts'
import { reported } from '../../support/reports.ts'

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Opens a new data folder with these accounts, and a log whose clock is set by hand. */
export const openHousehold = async (people: Readonly<Record<string, Role>>) => {
  const folder = temporaryFolder()
  const clock = { nowMs: 0 }
  const env = { ...UNLIMITED, DATA_DIR: join(folder, 'data') }
  const config = parseConfig(await withHome({ env }, folder))
  const app = await openApp(config, {
    logger: processLogger({ level: 'info', format: 'json', write: () => {} }),
  })
  // The app's own clock would not trust such jumps.
  const log = await openUnlockLog({
    store: app.unlocks.store,
    signer: keyFile(config.dataDir).open({ hasLog: true }).signer,
    clock: () => ({
      nowMs: clock.nowMs,
      isUncertain: false,
      newestMs: clock.nowMs,
    }),
    guard: app.unlocks.guard,
  })
  const ids: Record<string, string> = {}
  for (const [username, role] of Object.entries(people)) {
    const person = { username, password: PASSWORD, phone: '1', address: 'x' }
    const account = {
      ...(await app.accounts.newAccounts.check(person, COMMAND_LINE)),
      role,
      admitted: true,
    }
    await app.db.transaction((tx) => insertAccount(tx, account, Date.now()))
  }
  for (const { username, publicId } of await app.accounts.store.page(0, 100))
    ids[username] = publicId
  return {
    folder,
    /** The public id of each account. */
    ids,
    /** Records an unlock that the gateway receives at this time. */
    record: async (
      receivedAtMs: number,
      unlock: Partial<NewUnlockEvent> & Pick<NewUnlockEvent, 'username' | 'method'>,
    ): Promise<void> => {
      clock.nowMs = receivedAtMs
      await log.append([
        {
          id: crypto.randomUUID(),
          accountPublicId: ids[unlock.username] ?? '',
          lock: 'front-door',
          result: 'unlocked',
          reason: null,
          source: 'claimed',
          occurredAtMs: receivedAtMs - 1200,
          ...unlock,
        },
      ])
    },
    /** Records what a lock reports, which the gateway hears at this time. */
    report: async (
      heardAtMs: number,
      report: Partial<NewReport> & Pick<NewReport, 'username'>,
    ): Promise<void> => {
      clock.nowMs = heardAtMs
      await log.report(reported({ accountPublicId: ids[report.username] ?? '', ...report }))
    },
    close: () => app[Symbol.asyncDispose](),
  }
}

const PEOPLE: Readonly<Record<string, Role>> = {
  oli: 'owner',
  amy: 'admin',
  ada: 'member',
  grace: 'member',
  'maximilian-of-the-long-name': 'member',
}

const METHODS = ['fingerprint', 'pin', 'fingerprint', 'card', 'Face ID of the new phone'] as const

/** Creates a data folder with some weeks of unlocks until now. The newest ones are a refused one, one
 * that was reported late, and an imported one. */
export const household = async (days: number) => {
  const { folder, ids, record, close } = await openHousehold(PEOPLE)
  const names = Object.keys(PEOPLE)
  const nowMs = Date.now()
  const startMs = Math.floor(nowMs / DAY_MS - days) * DAY_MS
  let size = 0
  for (let day = 0; day < days; day += 1)
    for (const hour of [7.5, 8.2, 13 + (day % 3), 17.6, 18.9].slice(0, 2 + (day % 4))) {
      const atMs = startMs + day * DAY_MS + hour * HOUR_MS
      if (atMs >= nowMs - HOUR_MS) continue
      await record(atMs, {
        username: names[(size * 7) % names.length] ?? 'ada',
        method: METHODS[(size * 3 + 3) % METHODS.length] ?? 'pin',
        lock: (size + 1) % 9 === 0 ? 'garage' : 'front-door',
      })
      size += 1
    }
  await record(nowMs - 15 * MINUTE_MS, {
    username: 'ada',
    method: 'pin',
    source: 'imported',
    occurredAtMs: Date.parse('2021-05-03T16:20:00Z'),
  })
  await record(nowMs - 11 * MINUTE_MS, {
    username: 'grace',
    method: 'pin',
    // Later than the last unlock of yesterday, at any time of the day.
    occurredAtMs: Math.max(nowMs - 7 * HOUR_MS, startMs + days * DAY_MS - 4 * HOUR_MS),
  })
  await record(nowMs - 4 * MINUTE_MS, {
    username: 'ada',
    method: 'pin',
    result: 'denied',
    reason: 'restricted',
  })
  await close()
  // The first start adds both locks and a grant for members to the log.
  return { folder, ids, size: size + 3, entries: size + 6 }
}
