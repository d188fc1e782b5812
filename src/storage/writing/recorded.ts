import { AppError } from '../../errors.ts'

/** What a program made of the inputs of a group: an outcome for each, in order, and what to do once they
 * are on disk. */
export type Recorded = {
  readonly outcomes: readonly unknown[]
  readonly onCommit?: () => void
}

/** How often a program runs at most if its conditions do not hold. */
const TRIES_MAX = 3

type Running = {
  /** Sets the savepoint to which `undo` rolls back. */
  readonly mark: () => Promise<void>
  /** Returns false if the whole transaction is gone. */
  readonly undo: () => Promise<boolean>
  readonly run: () => Promise<Recorded | undefined>
}

/** Runs a program in an open transaction, again if a condition of its writes no longer holds. If it fails, only its
 * own writes are undone, and `fault` says why. Rejects if the transaction is gone. */
export const recorded = async (
  inputs: readonly unknown[],
  { mark, undo, run }: Running,
): Promise<Recorded & { readonly fault?: unknown }> => {
  if (inputs.length === 0) return { outcomes: [] }
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    await mark()
    try {
      const made = await run()
      if (made) return made
      await undo()
    } catch (fault) {
      if (!(await undo())) throw fault
      return { outcomes: [], fault }
    }
  }
  return { outcomes: [], fault: new AppError('unavailable', 'Server busy, try again') }
}
