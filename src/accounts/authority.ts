import { AppError } from '../errors.ts'
import {
  type Account,
  type Origin,
  type RecordSecurityEvent,
  type SecurityEvent,
} from '../http/access.ts'
import type { Changes, Standing } from './change-store.ts'

/** Who changes an account: a caller, or the command line of the gateway. */
export type Actor = Origin & { readonly account?: Account | undefined }

/** Throws `conflict` where without this person no owner could sign in any more. */
export const requireAnotherOwner = async (
  changes: Pick<Changes, 'hasOtherOwner'>,
  { id, role, isDisabled }: Standing,
): Promise<void> => {
  if (role === 'owner' && !isDisabled && !(await changes.hasOtherOwner(id)))
    throw new AppError('conflict', 'This is the last owner; make another one first', {
      reason: 'last_owner',
    })
}

type Attempt = {
  readonly record: RecordSecurityEvent
  readonly by: Actor
  readonly event: Pick<SecurityEvent, 'action' | 'subject'>
}

/** Does what somebody asks for, and records it where rules refuse it. */
export const attempt = async <Result>(
  { record, by, event }: Attempt,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError && (error.code === 'forbidden' || error.code === 'conflict'))
      await record(by, {
        ...event,
        result: 'failure',
        detail: { reason: error.reason ?? error.code },
      })
    throw error
  }
}
