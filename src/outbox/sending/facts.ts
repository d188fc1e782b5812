import type { UnlockFacts } from '../../domain/home-event.ts'

/** An event of the unlock log as the API shows it. */
type ShownUnlock = {
  readonly seq: number
  readonly id: string
  readonly account: string | null
  readonly username: string | null
  readonly lock: string
  readonly method: string | null
  readonly result: string
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
  /** The URL that links start with. */
  readonly linkBase: string
}

/** Returns a function that reads an unlock or a denial as it is now. */
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
      // Shortly after an erasure, the log may still contain the name and the method.
      method: account !== null && name === undefined ? null : method,
      result: unlock.result,
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
