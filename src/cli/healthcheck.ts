import { parseArgs } from 'node:util'
import { parseConfig } from '../config.ts'
import { type Command, ownUrl } from './command.ts'

const TIMEOUT_MS = 3000

/** Asks the service on this machine whether it is ready: exit status 0 or 1. */
export const healthcheck: Command = {
  summary: 'ask the running service whether it is ready',
  details: 'Give it the settings of the service, which say where it listens.',
  exitStatus: { 1: 'it is not ready, or nobody answers' },
  run: async (args, { env, print, say }) => {
    parseArgs({ args: [...args], options: {} })
    const url = ownUrl(parseConfig(env), '/readyz')
    try {
      const answer = await fetch(url, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
        // It asks itself over loopback, by a name that no certificate holds.
        tls: { rejectUnauthorized: false },
      })
      // Over its limit it still answers, which is all that can be asked then.
      const isReady = answer.ok || answer.status === 429
      if (isReady) print('ready')
      else say(`Not ready: ${await answer.text()}`)
      return isReady ? 0 : 1
    } catch {
      say(`No answer from ${url}; is the service running, and with these settings?`)
      return 1
    }
  },
}
