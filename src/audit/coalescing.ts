import type { RecordAuditEvent } from '../domain/audit-event.ts'
import { MINUTE_MS } from '../domain/duration.ts'
import { clientKey } from '../http/request/client-address.ts'
import type { Logger } from '../http/log/logger.ts'

type Dependencies = {
  readonly record: RecordAuditEvent
  /** Returns whether an event may have a row of its own, and counts it. */
  readonly mayStandAlone: (...recorded: Recorded) => boolean
  /** True while the disk is too full to store what anyone can cause. */
  readonly keepsInMemory: () => boolean
  readonly logger: Logger
}

type Recorded = Parameters<RecordAuditEvent>

type Group = {
  /** How often it happened again since it was last recorded. */
  repeats: number
  latest: Recorded
}

/** Groups of events that are counted separately; all others form one more. */
const GROUPS_MAX = 100

const OTHERS = 'others'

/** Records events that anyone can cause without limit: a new event immediately, and while it
 * continues, the latest one each minute with the count in `repeats`, or less often once a client has
 * had its share of a day. So no flood of requests fills
 * the database. Never rejects, because a refusal must not depend on storing its event: storing is
 * retried each minute. */
export const coalescingRecorder = (deps: Dependencies) => {
  const { record, mayStandAlone, keepsInMemory, logger } = deps
  const groups = new Map<string, Group>()

  const groupOf = (recorded: Recorded): string => {
    const name = nameOf(recorded)
    const [, { action }] = recorded
    // People who log in know a password: they are few, and must not disappear among the refusals.
    if (groups.has(name)) return name
    const isKeptApart = action === 'login' || groups.size < GROUPS_MAX
    return isKeptApart && mayStandAlone(...recorded) ? name : OTHERS
  }

  const isRecorded = async (recorded: Recorded): Promise<boolean> => {
    if (keepsInMemory()) return false
    try {
      await record(...recorded)
      return true
    } catch (error) {
      logger.error({ err: error }, 'audit event not recorded')
      return false
    }
  }

  const recordRepeats = async (isLast = false): Promise<void> => {
    for (const [name, group] of groups) {
      const { repeats, latest } = group
      const [from, event] = latest
      const isDue = isLast || name === OTHERS || repeats === 0 || mayStandAlone(...latest)
      if (!isDue) continue
      group.repeats = 0
      if (repeats === 0) groups.delete(name)
      else if (!(await isRecorded([from, { ...event, detail: { ...event.detail, repeats } }])))
        group.repeats += repeats
    }
  }
  const everyMinute = setInterval(() => void recordRepeats(), MINUTE_MS)
  everyMinute.unref()

  return {
    recordCoalesced: (async (...recorded) => {
      const name = groupOf(recorded)
      const known = groups.get(name)
      if (known) {
        known.repeats += 1
        known.latest = recorded
        return
      }
      const group = { repeats: 0, latest: recorded }
      groups.set(name, group)
      if (!(await isRecorded(recorded))) group.repeats += 1
    }) satisfies RecordAuditEvent,

    /** Records the repeats so far; called every minute. */
    recordRepeats: (): Promise<void> => recordRepeats(),

    /** Records the remaining repeats. */
    close: (): Promise<void> => {
      clearInterval(everyMinute)
      return recordRepeats(true)
    },
  }
}

/** Groups a person's events by what was refused, and a stranger's by client and action. */
const nameOf = ([{ account, address }, event]: Recorded): string =>
  JSON.stringify(account ? [account.publicId, event] : [clientKey(address), event.action])
