import { hostname } from 'node:os'
import type { Config } from './config.ts'

/** Returns the name of this replica, or undefined if the home is in a file and no name is set. */
export const instanceOf = ({
  instanceName,
  postgres,
}: Pick<Config, 'instanceName' | 'postgres'>): string | undefined =>
  instanceName ?? (postgres ? hostname() : undefined)
