import { hostname } from 'node:os'
import type { Config } from './config.ts'

/** Returns the name of this replica. Undefined for a home that one process serves, unless it was given a name. */
export const instanceOf = ({
  instanceName,
  postgres,
}: Pick<Config, 'instanceName' | 'postgres'>): string | undefined =>
  instanceName ?? (postgres ? hostname() : undefined)
