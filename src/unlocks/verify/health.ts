import { AppError } from '../../errors.ts'
import type { Head } from '../tlog/checkpoint.ts'
import { openCheckpoint } from '../tlog/checkpoint.ts'
import type { VerifierKey } from '../tlog/signed-note.ts'
import type { VerificationScheduler } from './scheduler.ts'

type Dependencies = {
  readonly verification: Pick<VerificationScheduler, 'last'>
  readonly isStopped: () => boolean
  readonly headAt: (size: number) => Promise<Head>
  readonly key: VerifierKey
}

/** Whether the log can be trusted, according to the last verification. */
export type LogHealth = {
  readonly problem: boolean
  /** The size of the log that was last verified without a fault, and its root in base64; null if there is none. */
  readonly size: number | null
  readonly root: string | null
  /** RFC 3339; null before the first verification. */
  readonly checked_at: string | null
}

/** Returns a function that reads whether the log can be trusted. */
export const logHealth = ({ verification, isStopped, headAt, key }: Dependencies) => {
  let known: { readonly of: object; readonly root: string } | undefined
  return async (): Promise<LogHealth> => {
    const last = verification.last()
    const checkedAt = last ? new Date(last.checkedAtMs).toISOString() : null
    const problem = isStopped() || last?.ok === false
    if (problem || !last?.ok) return { problem, size: null, root: null, checked_at: checkedAt }
    try {
      if (known?.of !== last) {
        const { root } = openCheckpoint((await headAt(last.size)).checkpoint, key)
        known = { of: last, root: Buffer.from(root).toString('base64') }
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { problem: true, size: null, root: null, checked_at: checkedAt }
    }
    return { problem, size: last.size, root: known.root, checked_at: checkedAt }
  }
}
