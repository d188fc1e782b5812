import { type Account, isNewcomer } from '../../domain/account.ts'
import type { Origin } from '../../domain/audit-event.ts'
import { type QueueLoad, fairQueue } from '../../domain/fair-queue.ts'
import { clientKey } from '../../http/request/client-address.ts'

/** In whose turn a password is checked or hashed. Known are the devices and addresses from which an
 * admitted account has logged in before, for this account only; their key is the account. Everyone
 * else is a stranger, by client address. */
export type Applicant = { readonly isKnown: boolean; readonly key: string }

export type PasswordQueues = ReturnType<typeof passwordQueues>

/** How an account knows where a request comes from. */
export type KnownBy = 'session' | 'one_time_code' | 'device_cookie' | 'address'

/** Clients, or accounts, that may wait for a hash at the same time. On a gateway that takes 100 ms for
 * one and has four cores, the last of as many strangers waits about three seconds. */
const KEYS_MAX = 128

/** Passwords of one client or account that may run or wait: a household that logs in after a power
 * cut. */
const WORK_PER_KEY_MAX = 20

/** Clients, or accounts, that cannot pass for new ones when they come again: as many as may be
 * connected. */
const TURNS_MAX = 4096

/** Bounds the hashing of passwords, which takes a core and 19 MiB for a good part of a second on a
 * small gateway. Half of the places are for known devices, so that no number of strangers keeps them
 * waiting. Among each half the places go round, and a stranger's address gets one at a time; if too
 * many wait, the one that had the latest turn gives way. The work
 * should last until its outcome is stored: a slow disk then slows down who causes the writes. */
export const passwordQueues = (cores: number) => {
  const bounds = {
    // On each core one of each half: Bun hashes one on each core, and the next must not wait for the
    // event loop.
    concurrency: cores,
    keysMax: KEYS_MAX,
    workPerKeyMax: WORK_PER_KEY_MAX,
    turnsMax: TURNS_MAX,
  }
  const known = fairQueue({ ...bounds, concurrencyPerKey: cores })
  const strangers = fairQueue({ ...bounds, concurrencyPerKey: 1 })
  return {
    /** Runs work that checks or hashes a password. Throws `unavailable` if too many wait. Work
     * that is in its turn must not ask for another. */
    inTurn: <Result>({ isKnown, key }: Applicant, work: () => Promise<Result>): Promise<Result> =>
      (isKnown ? known : strangers).run(key, work),

    /** Returns how many passwords are running, are waiting, and have been refused so far. */
    load: (): QueueLoad => {
      const [some, others] = [known.load(), strangers.load()]
      return {
        running: some.running + others.running,
        waiting: some.waiting + others.waiting,
        refused: some.refused + others.refused,
      }
    },
  }
}

/** Returns someone as a stranger, by client address. */
export const stranger = ({ address }: Origin): Applicant => ({
  isKnown: false,
  key: clientKey(address),
})

/** Returns who asks for the password of an account. Nobody is known to an account that is missing or a
 * newcomer's. Those known in different ways stand in different queues: behind a proxy that is not
 * trusted, an attacker may share a known address, but has no cookie. */
export const applicantOf = (
  account: Pick<Account, 'id' | 'admitted'> | undefined,
  from: Origin,
  knownBy: KnownBy | undefined,
): Applicant =>
  account && knownBy && !isNewcomer(account)
    ? { isKnown: true, key: `${knownBy}:${account.id}` }
    : stranger(from)
