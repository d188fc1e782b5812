import { timingSafeEqual } from 'node:crypto'
import type { Origin, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { type NewAccounts, type NewRegistration, nameTaken } from '../core/new-account.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'
import { hasOwner, insertAccount } from '../core/store.ts'
import type { Sessions, Tokens } from '../sessions/service.ts'
import { settingsIn } from '../../storage/sqlite/setting-store.ts'

export type FirstOwner = ReturnType<typeof firstOwnerService>

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'isFile' | 'transaction'>
  readonly newAccounts: Pick<NewAccounts, 'check'>
  readonly sessions: Pick<Sessions, 'begin'>
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
  readonly clock: Pick<Clock, 'monotonicMs' | 'nonDecreasingMs'>
}

/** `endsAtMs` is on the monotonic clock: a gateway often learns the time of day only after its
 * start, which must not expire the code. */
type SetupCode = { readonly hash: Buffer; readonly endsAtMs: number }

/** How long a setup code is valid. */
export const SETUP_CODE_MINUTES = 30

/** The rules of the first owner: anyone who can read the setup code printed at startup can become
 * the owner; registering first makes nobody an owner. The code is only kept as a hash. Wrong
 * codes do not void it: 140 random bits cannot be guessed, and a neighbour must not lock the owner
 * out. */
export const firstOwnerService = (deps: Dependencies) => {
  const { db, newAccounts, sessions, auditIn, record, linkTo, clock } = deps
  let setupCode: SetupCode | undefined

  /** On a server, codes of all replicas are stored, by their hashes, and by their ends on the clock of the server. */
  const isOfReplica = async (code: string): Promise<boolean> => {
    if (db.isFile) return false
    const endsAtMs = await settingsIn(db).find(storedCode(hashOneTimeCode(code)))
    return endsAtMs !== undefined && clock.nonDecreasingMs() < Number(endsAtMs)
  }

  const faultOf = async (
    code: string,
  ): Promise<'setup_code_expired' | 'setup_code_wrong' | undefined> => {
    if (await isOfReplica(code)) return undefined
    if (!setupCode || clock.monotonicMs() >= setupCode.endsAtMs) return 'setup_code_expired'
    return timingSafeEqual(hashOneTimeCode(code), setupCode.hash) ? undefined : 'setup_code_wrong'
  }

  const refused = async (from: Origin, reason: keyof typeof REFUSALS): Promise<AppError> => {
    await record(from, { action: 'owner.setup', result: 'failure', detail: { reason } })
    const code = reason === 'owner_exists' ? 'conflict' : 'forbidden'
    return new AppError(code, REFUSALS[reason], { reason })
  }

  /** Voids the setup code of this process, also at other replicas. */
  const voidSetupCode = async (): Promise<void> => {
    const own = setupCode
    setupCode = undefined
    if (own && !db.isFile)
      await db.transaction((tx) => settingsIn(tx).removeAll(storedCode(own.hash)))
  }

  return {
    isNeeded: async (): Promise<boolean> => !(await hasOwner(db)),

    /** Creates a setup code, which voids the previous one of this process. Returns undefined if there is an
     * owner. */
    newSetupCode: async (): Promise<
      { readonly code: string; readonly link: string } | undefined
    > => {
      if (await hasOwner(db)) return undefined
      const code = newOneTimeCode()
      const endsAtMs = clock.monotonicMs() + SETUP_CODE_MINUTES * MINUTE_MS
      const hash = hashOneTimeCode(code)
      await voidSetupCode()
      setupCode = { hash, endsAtMs }
      if (!db.isFile) {
        const storedEndMs = clock.nonDecreasingMs() + SETUP_CODE_MINUTES * MINUTE_MS
        await db.transaction((tx) => settingsIn(tx).put(storedCode(hash), String(storedEndMs)))
      }
      return { code, link: linkTo(`setup=${code}`) }
    },

    voidSetupCode,

    /** Creates the first owner and logs them in. Throws `conflict` if there is an owner,
     * `forbidden` if the code is wrong or has expired, and `invalid` as for any account; the code
     * stays valid. */
    bootstrapOwner: async (
      { code, ...person }: NewRegistration & { readonly code: string },
      from: Origin,
    ): Promise<Tokens> => {
      if (await hasOwner(db)) throw await refused(from, 'owner_exists')
      const fault = await faultOf(code)
      if (fault) throw await refused(from, fault)
      const newAccount = await newAccounts.check(person, from)
      const account = await db.transaction(async (tx) => {
        // Another request, or the command line, may have been first.
        if (await hasOwner(tx)) return undefined
        const owner = { ...newAccount, role: 'owner', admitted: true } as const
        const added = await insertAccount(tx, owner, clock.nonDecreasingMs())
        if (!added) throw nameTaken()
        const event = { action: 'owner.setup', result: 'success' } as const
        await auditIn(tx).record({ ...from, account: added }, event)
        await settingsIn(tx).put('first_run', 'registration')
        if (!db.isFile) await settingsIn(tx).removeAll(STORED_CODE)
        return added
      })
      if (!account) throw await refused(from, 'owner_exists')
      setupCode = undefined
      const tokens = await sessions.begin({ ...account, sessionEpoch: 0 }, from)
      if (!tokens) throw new AppError('unauthorized', 'This account may not log in')
      return tokens
    },
  }
}

/** The name under which a setup code is stored. */
const storedCode = (hash: Buffer): string => STORED_CODE + hash.toString('hex')
const STORED_CODE = 'setup_code '

const REFUSALS = {
  setup_code_wrong: 'This setup code is wrong',
  setup_code_expired: 'The setup code has expired; restart the service for a new one',
  owner_exists: 'There is already an owner',
} as const
