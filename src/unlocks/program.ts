import type { AfterAppend } from '../storage/writing/after-append.ts'
import type { DecisionKind } from '../storage/writing/decision-kind.ts'
import type { Program } from '../storage/writing/writer.ts'
import { appendProgram } from './recording/append.ts'
import { keyFile } from './log/key-file.ts'
import { kindsWith } from './recording/kinds.ts'

type Options = {
  /** How attempts to open a lock are decided. */
  readonly decision?: DecisionKind | undefined
  readonly afterAppend?: AfterAppend | undefined
  /** True if several replicas append to the log. */
  readonly isShared?: boolean
}

/** Returns the program that appends to the unlock log of a data folder. */
export const unlockProgram = (dataDir: string, { decision, ...options }: Options = {}): Program =>
  appendProgram({
    ...options,
    // The key was created when the log was opened.
    signer: () => keyFile(dataDir).open({ hasLog: true }).signer,
    kinds: kindsWith(decision),
  })
