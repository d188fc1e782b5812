import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import type { Database } from '../../storage/database.ts'
import { replicaState } from '../../storage/replicas/state.ts'
import type { Verification } from './verification.ts'

type State = {
  readonly last?: Verification
  /** Which replica is verifying the whole log, and until when this holds unless it is renewed. */
  readonly running?: { readonly by: string; readonly untilMs: number }
}

type Dependencies = {
  readonly db: Database
  readonly clock: Pick<Clock, 'wallMs'>
}

export type SharedVerification = ReturnType<typeof sharedVerification>

/** How long a replica counts as verifying, in case it dies, and how often it renews that. */
const LASTS_MS = 15 * SECOND_MS
const AGAIN_MS = 5 * SECOND_MS

/** The last verification of the log, which all replicas of a home share. Nothing here rejects: without the server, each
 * replica knows only its own. */
export const sharedVerification = ({ db, clock }: Dependencies) => {
  const by = crypto.randomUUID()
  let known: State = {}
  let saidAtMs = -Infinity

  const stateIn = (queries: Pick<Database, 'get' | 'run'>) =>
    replicaState<State>(queries, 'verification')

  const change = async (changed: (state: State) => State): Promise<void> => {
    try {
      known = await db.transaction(async (tx) => {
        const next = changed((await stateIn(tx).read()) ?? {})
        await stateIn(tx).put(next)
        return next
      })
    } catch {
      // The server cannot be reached now.
    }
  }

  const sayRunning = async (): Promise<void> => {
    const nowMs = clock.wallMs()
    saidAtMs = nowMs
    await change((state) => ({ ...state, running: { by, untilMs: nowMs + LASTS_MS } }))
  }

  return {
    /** Returns the last verification, or undefined if there is none. */
    read: async (): Promise<Verification | undefined> => {
      try {
        known = (await stateIn(db).read()) ?? {}
      } catch {
        // As above.
      }
      return known.last
    },

    /** Called when this replica begins to verify the whole log, and then after each page. */
    begin: sayRunning,
    continue: async (): Promise<void> => {
      if (clock.wallMs() - saidAtMs >= AGAIN_MS) await sayRunning()
    },

    isOtherVerifying: (): boolean =>
      known.running !== undefined &&
      known.running.by !== by &&
      known.running.untilMs > clock.wallMs(),

    /** Stores the result of this replica, and returns the one that counts now: a good result for the newest events
     * alone, as at a start, does not replace an earlier one. */
    conclude: async (found: Verification): Promise<Verification> => {
      let counts = found
      await change(({ last, running }) => {
        counts = last && found.ok && found.scope === 'recent' ? last : found
        const others = running && running.by !== by ? { running } : {}
        return { last: counts, ...others }
      })
      return counts
    },
  }
}
