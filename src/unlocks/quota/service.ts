import type { RateWindow } from '../../config/parsers.ts'
import { type Account, isNewcomer } from '../../domain/account.ts'
import { BoundedMap } from '../../domain/bounded-map.ts'
import type { Clock } from '../../domain/clock.ts'
import {
  type Amount,
  type DayTally,
  addTo,
  dayFullForMs,
  hourOf,
} from '../../domain/limits/day-tally.ts'
import type { OpenWindows } from '../../domain/limits/windows.ts'
import { HOUR_MS, MINUTE_MS } from '../../domain/duration.ts'
import type { Caller } from '../../http/authorization.ts'
import { RateLimitError } from '../../http/errors.ts'
import { clientKey } from '../../http/request/client-address.ts'
import type { ClockReading } from '../log/clock.ts'
import type { NewUnlockEvent } from '../log/event.ts'
import { eventWindows } from './event-windows.ts'
import { EVENT_BYTES, METHOD_COPIES, type quotaStore } from './store.ts'

/** What may be recorded in 24 hours. */
export type Quotas = {
  readonly account: Amount
  /** For an account that waits to be let in. */
  readonly waiting: Amount
  /** For all waiting accounts of one client together. */
  readonly waitingClient: Amount
}

type Dependencies = {
  readonly windows: readonly RateWindow[]
  readonly openWindows: OpenWindows
  /** Undefined if nothing is limited. */
  readonly quotas: Quotas | undefined
  readonly store: ReturnType<typeof quotaStore>
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** The clock of the log, and the newest time in the log that can be trusted. */
  readonly logClock: () => ClockReading
  readonly newestMs: () => Promise<number>
  /** Called after each refusal. */
  readonly onRefusal: () => void
}

/** A phone's requests: one unlock, or those it collected while it was offline. */
export type Sending = 'lone' | 'batch'

/** What an event counts in the windows if it was recorded before: its receipt takes work too. */
const DUPLICATE_COUNTS = 0.1

/** Accounts and clients whose day is remembered. A forgotten account is read from the log again. */
const ACCOUNTS_MAX = 10_000
const CLIENTS_MAX = 10_000

/** How often the counts of the day are read again while other replicas record. */
const READ_AGAIN_MS = 10_000

/** Limits how many unlocks an account may record: per minute and hour, and per day. Lone unlocks are
 * counted apart from batches, so that a phone that has just sent its queue can still record the next
 * unlock at once. All counts are by the monotonic clock. Those of the day survive a restart, and include what
 * other replicas recorded until a few seconds ago. */
export const unlockQuota = (deps: Dependencies) => {
  const { windows, openWindows, quotas, store, onRefusal } = deps
  const { monotonicMs } = deps.clock
  const counted = {
    lone: eventWindows(windows, (windowMs) => openWindows(`unlock lone ${windowMs}`)),
    batch: eventWindows(windows, (windowMs) => openWindows(`unlock batch ${windowMs}`)),
  }
  const accounts = new BoundedMap<string, DayTally>(ACCOUNTS_MAX)
  let clients: Promise<Map<string, DayTally>> | undefined
  let readAgain: Timer | undefined

  const refuse = (waitMs: number, detail?: string): never => {
    onRefusal()
    throw new RateLimitError(waitMs, detail)
  }

  /** The time to look back from: an untrusted clock must neither free nor fill a day. */
  const nowMs = async (): Promise<number> => {
    const reading = deps.logClock()
    return reading.isUncertain ? deps.newestMs() : reading.nowMs
  }

  const ofAccount = async (publicId: string): Promise<DayTally> => {
    const recorded = await store.ofAccount(publicId, await nowMs())
    const known = accounts.get(publicId)
    if (known) return known
    const tally: DayTally = new Map()
    const hour = hourOf(monotonicMs())
    for (const amount of recorded) addTo(tally, hour - amount.hoursAgo, amount)
    accounts.set(publicId, tally)
    return tally
  }

  const readClients = async (): Promise<Map<string, DayTally>> => {
    const byClient = new BoundedMap<string, DayTally>(CLIENTS_MAX)
    const hour = hourOf(monotonicMs())
    for (const { client, events } of await store.ofWaiting(await nowMs())) {
      const key = clientKey(client)
      const tally = byClient.get(key) ?? new Map()
      addTo(tally, hour, { events, bytes: 0 })
      byClient.set(key, tally)
    }
    return byClient
  }

  const ofClient = async (address: string): Promise<DayTally> => {
    clients ??= readClients()
    const byClient = await clients.catch((error: unknown) => {
      clients = undefined
      throw error
    })
    const key = clientKey(address)
    const tally = byClient.get(key) ?? new Map()
    byClient.set(key, tally)
    return tally
  }

  /** The days that an event of a caller counts in. */
  const daysOf = async (account: Account, address: string, limits: Quotas): Promise<Day[]> => {
    const tally = accounts.get(account.publicId) ?? (await ofAccount(account.publicId))
    if (!isNewcomer(account)) return [{ tally, quota: limits.account, whose: 'This account has' }]
    return [
      { tally, quota: limits.waiting, whose: 'This account waits to be let in and has' },
      {
        tally: await ofClient(address),
        quota: limits.waitingClient,
        whose: 'The accounts at this address that wait to be let in have',
      },
    ]
  }

  return {
    /** Refuses, before the body is read, a caller for whom neither kind of request has room. */
    requireRoom: ({ publicId }: Account): void => {
      const waitMs = Math.min(counted.lone.fullForMs(publicId), counted.batch.fullForMs(publicId))
      if (waitMs > 0) refuse(waitMs)
    },

    /** Counts events of one request, whether or not they turn out to be valid. Throws
     * RateLimitError if a window is full. Returns a function that takes back most of the duplicates: a
     * phone whose answer was lost sends its queue again. */
    count: (
      { publicId }: Account,
      sending: Sending,
      events: number,
    ): ((duplicates: number) => void) => {
      const waitMs = counted[sending].fullForMs(publicId)
      if (waitMs > 0) refuse(waitMs)
      const takeBack = counted[sending].count(publicId, events)
      return (duplicates) => takeBack(duplicates * (1 - DUPLICATE_COUNTS))
    },

    /** Called after another replica has recorded unlocks: soon, the counts of the day are read from the log again. */
    onForeignCommit: (): void => {
      if (readAgain) return
      const forget = (): void => {
        accounts.clear()
        clients = undefined
      }
      forget()
      readAgain = setTimeout(() => {
        readAgain = undefined
        forget()
      }, READ_AGAIN_MS)
      readAgain.unref()
    },

    /** Counts events against the day. Throws RateLimitError if it is full; it is served as long as
     * there is room, and then counts in full. Returns a function that takes back what was not
     * stored. */
    spend: async (
      account: Account,
      { address }: Pick<Caller, 'address'>,
      events: readonly Spent[],
    ): Promise<(unstored: readonly Spent[]) => void> => {
      if (!quotas || events.length === 0) return () => {}
      const days = await daysOf(account, address, quotas)
      const atMs = monotonicMs()
      for (const { tally, quota, whose } of days) {
        const waitMs = dayFullForMs(tally, quota, atMs)
        if (waitMs > 0)
          refuse(waitMs, `${whose} recorded all unlocks of a day; try again in ${inWords(waitMs)}`)
      }
      const hour = hourOf(atMs)
      const amount = amountOf(events)
      for (const { tally } of days) addTo(tally, hour, amount)
      return (unstored) => {
        if (unstored.length === 0) return
        const { events: count, bytes } = amountOf(unstored)
        for (const { tally } of days) addTo(tally, hour, { events: -count, bytes: -bytes })
      }
    },
  }
}

type Day = { readonly tally: DayTally; readonly quota: Amount; readonly whose: string }

/** What an event counts by. */
type Spent = Pick<NewUnlockEvent, 'method'>

const amountOf = (events: readonly Spent[]): Amount => ({
  events: events.length,
  bytes: events.reduce(
    (sum, { method }) => sum + EVENT_BYTES + METHOD_COPIES * Buffer.byteLength(method),
    0,
  ),
})

const inWords = (ms: number): string => {
  const hours = Math.ceil(ms / HOUR_MS)
  if (hours > 1) return `${hours} hours`
  const minutes = Math.ceil(ms / MINUTE_MS)
  return minutes === 1 ? 'a minute' : `${minutes} minutes`
}
