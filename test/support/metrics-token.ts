import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bearer } from './app.ts'

/** The header with which Prometheus reads the metrics of a service in this folder. */
export const scraping = (folder: string) =>
  bearer(readFileSync(join(folder, 'data/metrics-token'), 'utf8').trim())

/** Returns metrics without the name of the replica, which they have on a server. */
export const withoutInstance = (text: string): string =>
  text
    .replaceAll(/\binstance="[^"]*",?/g, '')
    .replaceAll(',}', '}')
    .replaceAll('{}', '')
