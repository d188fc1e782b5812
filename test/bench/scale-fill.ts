import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { insertAccount } from '../../src/accounts/core/store.ts'
import { usernameKeyOf } from '../../src/accounts/core/username.ts'
import { type App, openApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { DAY_MS } from '../../src/domain/duration.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import type { NewUnlockEvent } from '../../src/unlocks/log/event.ts'
import { addAccount } from '../support/accounts.ts'
import { count, say } from './line.ts'

export const OWNER = 'owner'
const ACCOUNTS = 10_000
/** One account has every fiftieth unlock. */
export const BUSY = 'person-0'
const BUSY_EVERY = 50

const METHODS = ['fingerprint', 'pin', 'face', 'card', 'key', 'watch', 'voice', 'code'] as const
const LOCKS = ['front-door', 'back-door', 'garage'] as const

/** The days until now over which the unlocks are spread. */
export const DAYS = 400
const SUBMISSION_EVENTS = 500
const SUBMISSIONS_MIN = 5000

/** Between these days before now, the gateway's clock had lost the time. Only the order of those unlocks is
 * certain: they count as having happened at the last certain time. */
export const DOUBTED_DAYS = { from: 240, to: 200 } as const

/** Fills the log of a folder through the service's own code, unless it is already full, with unlocks of
 * many people over many days. An interrupted filling continues where it stopped. Returns how many
 * events it appended in how many seconds. */
export const fillScale = async (
  folder: string,
  events: number,
): Promise<{ readonly appended: number; readonly seconds: number }> => {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'data'))) await addAccount(OWNER, { role: 'owner', folder })
  const endMs = Date.now()
  const at = { ms: endMs - DAYS * DAY_MS }
  const config = parseConfig({ DATA_DIR: join(folder, 'data') })
  await using app = await openApp(config, {
    logger: processLogger({ level: 'fatal', format: 'text' }),
    clock: clockFrom({ wallMs: () => shownMs(at.ms, endMs), monotonicMs: () => at.ms }),
  })
  const people = await addPeople(app, at.ms)
  const submission = Math.max(1, Math.min(SUBMISSION_EVENTS, Math.floor(events / SUBMISSIONS_MIN)))
  const stepMs = (DAYS * DAY_MS * submission) / events
  const { size } = await app.unlocks.unlockLog.head()
  const begun = performance.now()
  for (let seq = size; seq < events; seq += submission) {
    at.ms = Math.min(endMs - DAYS * DAY_MS + ((seq + submission) / submission) * stepMs, endMs)
    const some = Math.min(submission, events - seq)
    await app.unlocks.unlockLog.append(
      Array.from({ length: some }, (_, number) => ({
        ...unlock(people, seq + number),
        occurredAtMs: isDoubted(at.ms, endMs)
          ? null
          : Math.floor(at.ms - (1 - number / some) * stepMs),
      })),
    )
    if (seq % 1_000_000 < submission && seq > 0) say(`${count(seq)} of ${count(events)} events`)
  }
  return { appended: Math.max(events - size, 0), seconds: (performance.now() - begun) / 1000 }
}

const isDoubted = (nowMs: number, endMs: number): boolean => {
  const daysAgo = (endMs - nowMs) / DAY_MS
  return daysAgo <= DOUBTED_DAYS.from && daysAgo > DOUBTED_DAYS.to
}

/** Returns the time of the gateway's clock, which is a year behind while it has lost the time. */
const shownMs = (nowMs: number, endMs: number): number =>
  Math.floor(isDoubted(nowMs, endMs) ? nowMs - 365 * DAY_MS : nowMs)

type Person = { readonly publicId: string; readonly username: string }

/** Adds the missing accounts, with the owner's password. Returns all accounts. */
const addPeople = async ({ db }: App, nowMs: number): Promise<readonly Person[]> => {
  const known = () =>
    db.all<Person>(
      `SELECT public_id AS "publicId", username FROM account WHERE username <> ? ORDER BY id`,
      OWNER,
    )
  const before = (await known()).length
  const owner = await db.get<{ hash: string }>(
    'SELECT password_hash AS hash FROM account WHERE username = ?',
    OWNER,
  )
  for (let number = before; number < ACCOUNTS; number += SUBMISSION_EVENTS)
    await db.transaction(async (tx) => {
      for (let at = number; at < Math.min(number + SUBMISSION_EVENTS, ACCOUNTS); at += 1) {
        const username = `person-${at}`
        const contact = { phone: '1', address: 'x', email: undefined }
        const person = { username, usernameKey: usernameKeyOf(username), ...contact }
        const passwordHash = owner?.hash ?? ''
        await insertAccount(tx, { ...person, passwordHash, role: 'member', admitted: true }, nowMs)
      }
    })
  return known()
}

const unlock = (people: readonly Person[], seq: number): NewUnlockEvent => {
  const who = seq % BUSY_EVERY === 0 ? 0 : 1 + ((seq * PRIME) % (ACCOUNTS - 1))
  const person = people[who]
  return {
    id: Bun.randomUUIDv7(),
    accountPublicId: person?.publicId ?? '',
    username: person?.username ?? '',
    method: METHODS[(who + (seq % 3)) % METHODS.length] ?? METHODS[0],
    lock: LOCKS[seq % LOCKS.length] ?? LOCKS[0],
    result: 'unlocked',
    reason: null,
    source: 'claimed',
    occurredAtMs: null,
  }
}

/** A prime, which scatters people over the log. */
const PRIME = 7919
