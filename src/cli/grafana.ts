import { parseArgs } from 'node:util'
import dashboard from '../ops/grafana-dashboard.json'
import type { Command } from './command/command.ts'

/** Prints a dashboard for the metrics of `/metrics`. */
export const grafana: Command = {
  summary: 'print a dashboard for Grafana 11, as JSON to import',
  run: async (args, { print }) => {
    parseArgs({ args: [...args], options: {} })
    print(JSON.stringify(dashboard, null, 2))
    return 0
  },
}
