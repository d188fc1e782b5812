import { logRequest, logWritten, processLogger } from '../../src/http/log/logger.ts'

/** Logs as many requests as the first argument says, as many in each turn of the event loop as the second says, as
 * answers under load are; writes the microseconds of CPU time that each took to standard error. */
const [lines = 0, together = 1] = process.argv.slice(2).map(Number)

const logger = processLogger({ level: 'info', format: 'json' })

const turns = async (): Promise<number> => {
  const before = process.cpuUsage()
  for (let line = 0; line < lines; line += 1) {
    logRequest(logger, 'info', {
      request_id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
      method: 'POST',
      route: '/logUnlocking',
      status: 200,
      duration_ms: Number((line / 1000).toFixed(2)),
      client: '192.0.2.7',
      account: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
    })
    if (line % together === together - 1) await new Promise((turn) => setImmediate(turn))
  }
  await logWritten()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / lines
}

// The first time, the code is compiled.
await turns()
process.stderr.write(`${await turns()}\n`)
