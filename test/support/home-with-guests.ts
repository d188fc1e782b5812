import type { NewPass } from './guests.ts'
import { homeWithLocks } from './home-with-locks.ts'

/** A home with locks where guests can be invited; see homeWithLocks. */
export const homeWithGuests = async (...options: Parameters<typeof homeWithLocks>) => {
  const home = await homeWithLocks(...options)
  return {
    ...home,
    /** Invites a guest to the front door, as an owner or as somebody else. */
    invite: async (given: object = {}, by = 'oli'): Promise<NewPass> => {
      const body = { holder: { pass: { label: 'Plumber' } }, locks: ['front-door'], ...given }
      const made = await home.grant(body, by)
      if (made.status !== 201) throw new Error(JSON.stringify(made.body))
      return made.body as NewPass
    },
    unlocks: async () =>
      (
        (await (await home.get('/v1/unlocks?limit=50', home.as('oli'))).json()) as {
          unlocks: Record<string, unknown>[]
        }
      ).unlocks,
    [Symbol.asyncDispose]: home[Symbol.asyncDispose],
  }
}
