import { parseArgs } from 'node:util'
import type { Command } from './command/command.ts'
import notices from './notices.txt' with { type: 'text' }

/** Hands on the licences of all that is in this executable. */
export const licenses: Command = {
  summary: 'print the licences of this program and of all that is in it',
  run: async (args, { print }) => {
    parseArgs({ args: [...args], options: {} })
    print(notices.trimEnd())
    return 0
  },
}
