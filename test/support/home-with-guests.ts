import type { GrantJson } from '../../src/locks/grants/schema.ts'
import { type Answer, type NewPass, passIdOf } from './guests.ts'
import { homeWithLocks } from './home-with-locks.ts'

export type PassJson = {
  readonly id: string
  readonly label: string
  readonly host: { readonly id: string; readonly name: string | null } | null
  readonly grant: GrantJson
  readonly state: string
  readonly devices: readonly {
    readonly id: string
    readonly name: string | null
    readonly removed_at: string | null
  }[]
  readonly devices_max: number
  readonly looked_at: string | null
  readonly asked_at: string | null
  readonly refused_at: string | null
}

const TRUSTED_AFTER_MS = 11 * 60_000

/** A home with locks where guests can be invited; see homeWithLocks. */
export const homeWithGuests = async (...options: Parameters<typeof homeWithLocks>) => {
  const home = await homeWithLocks(...options)
  // The clock was set, and is trusted again after ten minutes.
  home.locks.forGuests.isClockDoubted()
  home.clock.passedMs += TRUSTED_AFTER_MS
  home.clock.nowMs += TRUSTED_AFTER_MS
  const read = async <Body>(path: string, by: string): Promise<Answer<Body>> => {
    const answer = await home.get(path, home.as(by))
    return { status: answer.status, body: (await answer.json()) as Answer<Body>['body'] }
  }
  return {
    ...home,
    /** Invites a guest to the front door, as an owner or as somebody else. */
    invite: async (given: object = {}, by = 'oli'): Promise<NewPass> => {
      const body = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'], ...given }
      const made = await home.grant(body, by)
      if (made.status !== 201) throw new Error(JSON.stringify(made.body))
      return made.body as NewPass
    },
    pass: (made: Pick<GrantJson, 'holder'>, by = 'oli') =>
      read<PassJson>(`/v1/passes/${passIdOf(made)}`, by),
    passes: (query = '', by = 'oli') =>
      read<{ passes: readonly PassJson[]; next: string | null }>(`/v1/passes${query}`, by),
    logged: async () =>
      (
        (await (await home.get('/v1/unlocks?limit=50', home.as('oli'))).json()) as {
          unlocks: Record<string, unknown>[]
        }
      ).unlocks,
    [Symbol.asyncDispose]: home[Symbol.asyncDispose],
  }
}
