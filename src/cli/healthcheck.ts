import { parseArgs } from 'node:util'
import type { Command } from './command/command.ts'
import { askReadiness } from './command/readiness.ts'
import { commandConfig } from './command/running-service.ts'

/** Asks the service on this machine whether it is ready; exit status 0 or 1. */
export const healthcheck: Command = {
  summary: 'ask the running service whether it is ready',
  details:
    'It needs the DATA_DIR of the service, where it finds the address, or the HOST, PORT and TLS settings of the service.',
  exitStatus: { 1: 'it is not ready, or does not answer' },
  run: async (args, { env, print, say }) => {
    parseArgs({ args: [...args], options: {} })
    const found = await askReadiness(commandConfig({ env }))
    if (found.state === 'ready') print('ready')
    else if (found.state === 'not ready') say(`Not ready: ${found.reason}`)
    else say(`No answer from ${found.url}; is the service running, with this DATA_DIR?`)
    return found.state === 'ready' ? 0 : 1
  },
}
