import { timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Origin, RecordAuditEvent } from '../http/access.ts'
import { type Accounts, type Registration, nameTaken } from './service.ts'
import type { Sessions, Tokens } from './sessions.ts'
import type { AccountStore } from './store.ts'
import { codeHash, newCode } from './typed-code.ts'

export type Setup = ReturnType<typeof setupService>

type Dependencies = {
  readonly store: Pick<AccountStore, 'hasOwner' | 'addFirstOwner'>
  readonly accounts: Pick<Accounts, 'checkPerson'>
  readonly sessions: Pick<Sessions, 'begin'>
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
  /** Milliseconds by a clock that nobody sets: a gateway often learns the time of day only after
   * its start, and that must not end the code. */
  readonly monotonic: () => number
}

type Claim = { readonly hash: Buffer; readonly endsAtMs: number }

/** How long a claim code is good. */
export const CLAIM_MINUTES = 30

/** The rules of the first owner: whoever reads the code that a start prints claims the service, and
 * nobody by being first to register. The code is kept in memory alone, as a hash. Wrong ones do not
 * void it: 140 random bits cannot be guessed, and a neighbour must not keep the owner out. */
export const setupService = (deps: Dependencies) => {
  const { store, accounts, sessions, record, linkTo, monotonic } = deps
  let claim: Claim | undefined

  const judge = (code: string): 'right' | 'claim_over' | 'claim_wrong' => {
    if (!claim || monotonic() >= claim.endsAtMs) return 'claim_over'
    return timingSafeEqual(codeHash(code), claim.hash) ? 'right' : 'claim_wrong'
  }

  const refused = async (from: Origin, reason: keyof typeof REFUSALS): Promise<AppError> => {
    await record(from, { action: 'owner.setup', result: 'failure', detail: { reason } })
    return new AppError(reason === 'owner_exists' ? 'conflict' : 'forbidden', REFUSALS[reason], {
      reason,
    })
  }

  return {
    isNeeded: async (): Promise<boolean> => !(await store.hasOwner()),

    /** Makes a claim code and voids the one before; nothing where there is an owner. */
    newClaim: async (): Promise<{ readonly code: string; readonly link: string } | undefined> => {
      if (await store.hasOwner()) return undefined
      const code = newCode()
      claim = { hash: codeHash(code), endsAtMs: monotonic() + CLAIM_MINUTES * 60_000 }
      return { code, link: linkTo(`claim=${code}`) }
    },

    /** Makes the first owner and signs them in. Throws `conflict` where there is one, `forbidden`
     * for a code that is not good, and `invalid` as for any account, which leaves the code good. */
    claim: async (
      { code, ...person }: Registration & { readonly code: string },
      from: Origin,
    ): Promise<Tokens> => {
      if (await store.hasOwner()) throw await refused(from, 'owner_exists')
      const verdict = judge(code)
      if (verdict !== 'right') throw await refused(from, verdict)
      const account = await store.addFirstOwner(await accounts.checkPerson(person), (owner, tx) =>
        record({ ...from, account: owner }, { action: 'owner.setup', result: 'success' }, tx),
      )
      if (account === 'owner_exists') throw await refused(from, account)
      if (account === 'name_taken') throw nameTaken()
      claim = undefined
      const tokens = await sessions.begin({ ...account, sessionEpoch: 0 }, from)
      if (!tokens) throw new AppError('unauthorized', 'This account may not sign in')
      return tokens
    },
  }
}

const REFUSALS = {
  claim_wrong: 'This code is not right',
  claim_over: 'The code is over; restart the service for another one',
  owner_exists: 'There is an owner already',
} as const
