import type { Account, CallerToken } from './account.ts'
import type { AuditAction } from './audit-actions.ts'

/** Where a request, or a command at the gateway itself, comes from. */
export type Origin = {
  readonly address: string
  /** The User-Agent header, bounded and without control characters. */
  readonly userAgent: string
  readonly requestId: string | undefined
}

/** Anyone with the gateway's command line may do anything, and needs no account. */
export const COMMAND_LINE: Origin = { address: 'command line', userAgent: '', requestId: undefined }

/** What the service does on its own. */
export const GATEWAY: Origin = { address: 'gateway', userAgent: '', requestId: undefined }

/** What an upgrade does so that the home keeps working as before. */
export const UPGRADE: Origin = { ...GATEWAY }

/** Something that an owner would want to know about later (ASVS 16.3): who did what to whom, and
 * how it ended. People are named by public id; `detail` contains no personal text and no secret. */
export type AuditEvent = {
  readonly action: AuditAction
  readonly result: 'success' | 'failure'
  /** Who did it, if not the caller's account. */
  readonly actor?: string
  /** The account or thing that it was done to. */
  readonly subject?: string
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

/** Who does something: a caller, the command line or the gateway itself. */
export type Actor = Origin & {
  readonly account?: Account | undefined
  readonly token?: CallerToken | undefined
}

/** Records an audit event outside any transaction; resolves once it is on disk. */
export type RecordAuditEvent = (from: Actor, event: AuditEvent) => Promise<void>
