import type { Program } from '../storage/writing/writer.ts'
import { appendProgram } from './recording/append.ts'
import { keyFile } from './log/key-file.ts'
import { KINDS } from './recording/kinds.ts'

/** What the connection that writes runs to append to the unlock log of a data folder. */
export const unlockProgram = (dataDir: string): Program =>
  appendProgram({
    // It was made when the log was opened.
    signer: () => keyFile(dataDir).open({ hasLog: true }).signer,
    kinds: KINDS,
  })
