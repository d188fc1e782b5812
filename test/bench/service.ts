import { join } from 'node:path'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { BINARY, UNLIMITED, type Service, startService } from '../support/binary.ts'
import type { Target } from './load.ts'

/** Only the work: no limits, and no log line for each request. */
export const QUIET = { ...UNLIMITED, LOG_LEVEL: 'warn' } as const

const WIDE = '900000000/minute;900000000/hour'

/** As installed, with a log line for each request and all limits on, but wide enough never to refuse. */
export const INSTALLED = {
  LOG_LEVEL: 'info',
  RATE_LIMIT_AUTH: WIDE,
  RATE_LIMIT_UNLOCK: WIDE,
  RATE_LIMIT_CHANGES: WIDE,
  RATE_LIMIT_DEFAULT: WIDE,
  UNLOCK_QUOTA: '900000000',
  UNLOCK_QUOTA_BYTES: '900000000 MiB',
} as const

/** Appends the output of a program to a file, as the journal does, but without another process to read it. */
export const toFile = (path: string): readonly string[] => [
  'sh',
  '-c',
  `exec "$@" >>'${path}' 2>&1`,
  'sh',
]

export const UNLOCK = '{"unlocking-method":"fingerprint"}'

type Options = Parameters<typeof startService>[0] & { readonly folder: string }

/** Starts the service in a folder, with the log of the process in a file there, and signs someone in. */
export const startSignedIn = async (
  options: Options,
): Promise<Service & { readonly token: string; readonly unlocks: Target }> => {
  const { folder, binary = BINARY } = options
  await addAccount('ada', { folder, binary, role: 'owner' }).catch(() => {})
  const service = await startService({ ...options, within: toFile(join(folder, 'log')) })
  const token = await tokenFor(service.url, 'ada')
  return {
    ...service,
    token,
    unlocks: { url: `${service.url}/logUnlocking`, BODY: UNLOCK, TOKEN: token },
  }
}
