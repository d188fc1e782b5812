import type { RecordAuditEvent } from '../domain/audit-event.ts'
import { clientKey } from '../http/request/client-address.ts'
import type { Logger } from '../http/log/logger.ts'

type Dependencies = {
  readonly record: RecordAuditEvent
  readonly logger: Logger
}

type Given = Parameters<RecordAuditEvent>

type Kind = {
  /** How often it came again since it was last recorded. */
  repeats: number
  latest: Given
}

const MINUTE_MS = 60_000

/** Kinds of event that are told apart; what comes beyond them counts as one more. */
const KINDS_MAX = 100

/** Records what anybody can cause without end: at once where it is new, and as long as it goes on
 * once a minute, as the latest of so many `repeats`. So no loop of garbage grows the database. It
 * never rejects, for a refusal stands whether the disk takes its record or not: what the disk does
 * not take is tried again each minute. */
export const coalescingRecorder = ({ record, logger }: Dependencies) => {
  const kinds = new Map<string, Kind>()

  const kindOf = (given: Given): string => {
    const kind = nameOf(given)
    const [, { action }] = given
    // Whoever signs in knows a password: they are few, and must not hide among the refusals.
    const isTold = action === 'login' || kinds.has(kind) || kinds.size < KINDS_MAX
    return isTold ? kind : 'others'
  }

  const isRecorded = async (given: Given): Promise<boolean> => {
    try {
      await record(...given)
      return true
    } catch (error) {
      logger.error({ err: error }, 'audit event not recorded')
      return false
    }
  }

  const recordRepeats = async (): Promise<void> => {
    for (const [name, kind] of kinds) {
      const { repeats, latest } = kind
      const [from, event] = latest
      kind.repeats = 0
      if (repeats === 0) kinds.delete(name)
      else if (!(await isRecorded([from, { ...event, detail: { ...event.detail, repeats } }])))
        kind.repeats += repeats
    }
  }
  const everyMinute = setInterval(() => void recordRepeats(), MINUTE_MS)
  everyMinute.unref()

  return {
    recordCoalesced: (async (...given) => {
      const name = kindOf(given)
      const known = kinds.get(name)
      if (known) {
        known.repeats += 1
        known.latest = given
        return
      }
      const kind = { repeats: 0, latest: given }
      kinds.set(name, kind)
      if (!(await isRecorded(given))) kind.repeats += 1
    }) satisfies RecordAuditEvent,

    /** Records what came again; done every minute. */
    recordRepeats,

    close: (): Promise<void> => {
      clearInterval(everyMinute)
      return recordRepeats()
    },
  }
}

/** What a person is refused is told apart; a stranger is one client, whatever they try. */
const nameOf = ([{ account, address }, event]: Given): string =>
  JSON.stringify(account ? [account.publicId, event] : [clientKey(address), event.action])
