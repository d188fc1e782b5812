import { timingSafeEqual } from 'node:crypto'
import { AppError } from '../../errors.ts'
import type { Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { type NewAccounts, type NewRegistration, nameTaken } from '../core/new-account.ts'
import type { Sessions, Tokens } from '../sessions/service.ts'
import type { AccountStore } from '../core/store.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'

export type FirstOwner = ReturnType<typeof firstOwnerService>

type Dependencies = {
  readonly store: Pick<AccountStore, 'hasOwner' | 'addFirstOwner'>
  readonly newAccounts: Pick<NewAccounts, 'check'>
  readonly sessions: Pick<Sessions, 'begin'>
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
  /** Milliseconds by a clock that nobody sets: a gateway often learns the time of day only after
   * its start, and that must not end the code. */
  readonly monotonic: () => number
}

type SetupCode = { readonly hash: Buffer; readonly endsAtMs: number }

/** How long a setup code is good. */
export const SETUP_CODE_MINUTES = 30

/** The rules of the first owner: whoever reads the code that a start prints claims the service, and
 * nobody by being first to register. The code is kept in memory alone, as a hash. Wrong ones do not
 * void it: 140 random bits cannot be guessed, and a neighbour must not keep the owner out. */
export const firstOwnerService = (deps: Dependencies) => {
  const { store, newAccounts, sessions, record, linkTo, monotonic } = deps
  let setupCode: SetupCode | undefined

  const judge = (code: string): 'right' | 'setup_code_expired' | 'setup_code_wrong' => {
    if (!setupCode || monotonic() >= setupCode.endsAtMs) return 'setup_code_expired'
    return timingSafeEqual(hashOneTimeCode(code), setupCode.hash) ? 'right' : 'setup_code_wrong'
  }

  const refused = async (from: Origin, reason: keyof typeof REFUSALS): Promise<AppError> => {
    await record(from, { action: 'owner.setup', result: 'failure', detail: { reason } })
    return new AppError(reason === 'owner_exists' ? 'conflict' : 'forbidden', REFUSALS[reason], {
      reason,
    })
  }

  return {
    isNeeded: async (): Promise<boolean> => !(await store.hasOwner()),

    /** Makes a setup code and voids the one before; nothing where there is an owner. */
    newSetupCode: async (): Promise<
      { readonly code: string; readonly link: string } | undefined
    > => {
      if (await store.hasOwner()) return undefined
      const code = newOneTimeCode()
      setupCode = {
        hash: hashOneTimeCode(code),
        endsAtMs: monotonic() + SETUP_CODE_MINUTES * MINUTE_MS,
      }
      return { code, link: linkTo(`setup=${code}`) }
    },

    /** Makes the first owner and signs them in. Throws `conflict` where there is one, `forbidden`
     * for a code that is not good, and `invalid` as for any account, which leaves the code good. */
    bootstrapOwner: async (
      { code, ...person }: NewRegistration & { readonly code: string },
      from: Origin,
    ): Promise<Tokens> => {
      if (await store.hasOwner()) throw await refused(from, 'owner_exists')
      const verdict = judge(code)
      if (verdict !== 'right') throw await refused(from, verdict)
      const account = await store.addFirstOwner(await newAccounts.check(person), (owner, tx) =>
        record({ ...from, account: owner }, { action: 'owner.setup', result: 'success' }, tx),
      )
      if (account === 'owner_exists') throw await refused(from, account)
      if (account === 'name_taken') throw nameTaken()
      setupCode = undefined
      const tokens = await sessions.begin({ ...account, sessionEpoch: 0 }, from)
      if (!tokens) throw new AppError('unauthorized', 'This account may not sign in')
      return tokens
    },
  }
}

const REFUSALS = {
  setup_code_wrong: 'This setup code is wrong',
  setup_code_expired: 'The setup code has expired; restart the service for a new one',
  owner_exists: 'There is an owner already',
} as const
