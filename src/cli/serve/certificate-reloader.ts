import { readFileSync } from 'node:fs'
import { DAY_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { COMMAND_LINE, type RecordAuditEvent } from '../../domain/audit-event.ts'
import {
  type CertificateFacts,
  type TlsPair,
  expiryWarning,
  tlsPair,
} from '../../http/connection/certificate.ts'
import type { Logger } from '../../http/log/logger.ts'
import { fileFault } from '../../storage/files/private-files.ts'

type Files = { readonly tlsCertFile: string; readonly tlsKeyFile: string }

type Reload = {
  /** Uses this pair for new connections; throws if that fails. */
  readonly apply: (pair: TlsPair) => void
  readonly record: RecordAuditEvent
  readonly log: Logger
}

/** Keeps the certificate in use: reads it at startup and again on request, and warns before it
 * expires. Throws `unavailable` if the first one cannot be used. */
export const certificateReloader = (files: Files, now: () => number = Date.now) => {
  let pair = readPair(files)
  return {
    current: (): TlsPair => pair,

    /** Applies what the files contain now; if that cannot be used, the previous certificate
     * stays. */
    reload: async ({ apply, record, log }: Reload): Promise<void> => {
      try {
        const next = readPair(files)
        if (next.cert === pair.cert && next.key === pair.key)
          return log.info(logged(pair.facts), 'certificate has not changed')
        apply(next)
        pair = next
      } catch (error) {
        const fault = error instanceof Error ? error.message : String(error)
        log.error(
          { fault, ...logged(pair.facts) },
          'certificate not reloaded: the previous one stays',
        )
        return record(COMMAND_LINE, { action: RELOAD, result: 'failure', detail: { fault } })
      }
      log.info(logged(pair.facts), 'certificate reloaded')
      warn(pair.facts, log, now())
      const { sha256, expires } = logged(pair.facts)
      const detail = { sha256, expires }
      return record(COMMAND_LINE, { action: RELOAD, result: 'success', detail })
    },

    /** Logs the certificate, and once a day a warning if it expires soon. */
    watch: (log: Logger): void => {
      log.info(logged(pair.facts), 'certificate in use')
      warn(pair.facts, log, now())
      setInterval(() => warn(pair.facts, log, now()), DAY_MS).unref()
    },
  }
}

const RELOAD = 'tls.reload'

const readPair = ({ tlsCertFile, tlsKeyFile }: Files): TlsPair => {
  try {
    return tlsPair(read(tlsCertFile), read(tlsKeyFile))
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    throw new AppError('unavailable', `Cannot use TLS_CERT_FILE and TLS_KEY_FILE: ${fault}`, {
      cause: error,
    })
  }
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`${path}: ${fileFault(error)}`, { cause: error })
  }
}

const logged = ({ names, notAfterMs, sha256 }: CertificateFacts) => ({
  names: names.join(' '),
  expires: new Date(notAfterMs).toISOString(),
  sha256,
})

const warn = (facts: CertificateFacts, log: Logger, nowMs: number): void => {
  const warning = expiryWarning(facts, nowMs)
  if (warning) log.warn({ expires: logged(facts).expires }, warning)
}
