import type { UnlockFacts } from '../../domain/home-event.ts'

/** An event of the unlock log as the API shows it. */
type ShownUnlock = {
  readonly seq: number
  readonly id: string
  readonly account: string | null
  readonly username: string | null
  readonly lock: string
  readonly method: string | null
  readonly reason: string | null
  readonly source: string
  readonly occurred_at: string | null
  readonly happened_at: string
  readonly received_at: string
  readonly late: boolean
}

type Dependencies = {
  readonly findUnlock: (seq: number) => Promise<ShownUnlock | undefined>
  /** Returns the name of a lock, or undefined if its label has none. */
  readonly lockName: (label: string) => Promise<string | undefined>
  /** Returns the name of an account now, or undefined if it is erased. */
  readonly nameOf: (publicId: string) => Promise<string | undefined>
  /** Where links lead. */
  readonly linkBase: string
}

/** Returns the function that reads the facts of an unlock or a denial as they are now. */
export const unlockFactsReader =
  ({ findUnlock, lockName, nameOf, linkBase }: Dependencies) =>
  async (seq: number): Promise<UnlockFacts | undefined> => {
    const unlock = await findUnlock(seq)
    if (!unlock) return undefined
    const { account, username, method, lock, id } = unlock
    const name = account === null ? (username ?? undefined) : await nameOf(account)
    return {
      seq,
      id,
      who: name ?? null,
      user_id: name === undefined ? null : account,
      // The name of an account that was just erased may still stand in the log, and so may how it came in.
      method: account !== null && name === undefined ? null : method,
      source: unlock.source,
      lock,
      lock_name: (await lockName(lock)) ?? lock,
      reason: unlock.reason,
      occurred_at: unlock.occurred_at,
      happened_at: unlock.happened_at,
      received_at: unlock.received_at,
      late: unlock.late,
      receipt: `${linkBase}/console/log/${id}`,
    }
  }
