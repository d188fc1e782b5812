import { parseArgs } from 'node:util'
import type { Command } from './command/command.ts'
import notices from './notices.txt' with { type: 'text' }

/** Prints the licences of everything in this executable. */
export const licenses: Command = {
  summary: 'print the licences of this program and everything in it',
  run: async (args, { print }) => {
    parseArgs({ args: [...args], options: {} })
    print(notices.trimEnd())
    return 0
  },
}
