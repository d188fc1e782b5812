import type { Program } from '../storage/writing/writer.ts'
import { appendProgram } from './recording/append.ts'
import { keyFile } from './log/key-file.ts'
import { KINDS } from './recording/kinds.ts'

/** Returns the program that appends to the unlock log of a data folder. */
export const unlockProgram = (dataDir: string): Program =>
  appendProgram({
    // The key was created when the log was opened.
    signer: () => keyFile(dataDir).open({ hasLog: true }).signer,
    kinds: KINDS,
  })
