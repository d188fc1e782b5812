import type { Context } from 'elysia'
import { type Caller, signedIn } from './access.ts'
import type { Log } from './log.ts'

/** Who did something, and from where. */
export type Actor = {
  /** An account by its public id, or what acts on the gateway itself. */
  readonly who: string
  /** The address of a client, or `gateway`. */
  readonly from: string
  readonly requestId?: string
}

/** Something that somebody may have to answer for (ASVS 16.3). */
type Deed = {
  readonly action: 'unlocks.export' | 'unlocks.erase' | 'unlocks.retention' | 'log.export'
  readonly actor: Actor
  readonly result: 'begun' | 'done'
  /** To what and how much; never text of a person. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>
}

/** Leaves a record of a deed. */
export type Audit = (deed: Deed) => void

/** Records deeds in the process log, whatever its level leaves out else. */
export const auditTo = (log: Log): Audit => {
  const records = log.child({}, { level: 'info' })
  return ({ action, actor: { who, from, requestId }, result, details }) =>
    records.info({ action, who, from, request_id: requestId, result, ...details }, 'audit')
}

/** The account that asks for something. */
export const actorOf = (caller: Caller, set: Context['set']): Actor => ({
  who: signedIn(caller.account).publicId,
  from: caller.address,
  requestId: String(set.headers['x-request-id']),
})
