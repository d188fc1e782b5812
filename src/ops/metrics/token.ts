import { createHash, timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { secretFile } from '../../storage/files/private-files.ts'

/** Name of the file in DATA_DIR. No backup contains it: a restore must not bring back a token that was
 * replaced because somebody else had it. */
const METRICS_TOKEN_FILE = 'metrics-token'

export const metricsTokenPath = (dataDir: string): string => join(dataDir, METRICS_TOKEN_FILE)

/** Returns whether a text is the metrics token, in constant time. The token is read, or created, once;
 * if that fails, only admins may read metrics: the door must not wait for its monitoring. */
export const metricsTokenCheck = (dataDir: string, logger: Logger): ((text: string) => boolean) => {
  const expected = tokenHash(dataDir, logger)
  return (text) => expected !== undefined && timingSafeEqual(sha256(text), expected)
}

const tokenHash = (dataDir: string, logger: Logger): Buffer | undefined => {
  try {
    return sha256(secretFile(metricsTokenPath(dataDir)))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    logger.warn({ reason: error.message }, 'no metrics token: only admins may read /metrics')
    return undefined
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
