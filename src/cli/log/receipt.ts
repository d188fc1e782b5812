import { provenLeaf } from '../../unlocks/bundle/verify.ts'
import { ATTESTED, LOSS, type UnlockEvent } from '../../unlocks/log/event.ts'
import { isRecord } from '../../unlocks/log/leaf.ts'
import type { LogRecord } from '../../unlocks/log/record.ts'
import { ProofError } from '../../unlocks/tlog/proof-format.ts'
import type { VerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { LogFault } from '../../unlocks/verify/verify-log.ts'
import { type Terminal, UsageError } from '../command/command.ts'
import { withTimes } from '../command/table.ts'

/** Verifies a receipt that contains its event or record, and says in words what it proves; returns the exit
 * status. Needs neither the server nor a bundle. */
export const verifyReceiptIn = (
  receipt: string,
  key: VerifierKey | undefined,
  terminal: Terminal,
): number => {
  const { print, say } = terminal
  if (!key) throw new UsageError('log verify --receipt needs --key, the key of the log')
  try {
    const leaf = provenLeaf(receipt, key)
    const words = isRecord(leaf) ? recordWords(leaf) : eventWords(leaf)
    print(withTimes(`The receipt is valid. ${words}`, terminal))
    return 0
  } catch (error) {
    if (!(error instanceof ProofError || error instanceof LogFault)) throw error
    say(`The receipt is not valid. ${error.message}`)
    return 1
  }
}

const eventWords = (event: UnlockEvent): string => {
  const { seq, person, lock, result, reason, receivedAtMs, source, occurredAtMs } = event
  const who = person
    ? `${person.username || 'somebody'} by ${person.method}`
    : 'a person who was erased'
  const at = new Date(receivedAtMs).toISOString()
  const origin =
    source === 'imported' && occurredAtMs !== null
      ? `, imported from a legacy server, which recorded it at ${new Date(occurredAtMs).toISOString()}`
      : ''
  const what =
    source === 'decided'
      ? decisionWords(event)
      : reason === LOSS
        ? `the log continues without ${person?.method ?? 'unlocks'} that were lost`
        : `${lock} ${result} for ${who}${reporterWords(event)}`
  return `Event ${seq}: ${what}, received ${at}${origin}`
}

const reporterWords = ({ source, reporter, reason, reporterCounter }: UnlockEvent): string => {
  if (reporter === undefined) return ''
  return source === ATTESTED
    ? `${reason === null ? '' : ` (${reason})`}, as report ${reporterCounter} that its controller ${reporter} signed`
    : `, as the lock reported through ${reporter}`
}

const decisionWords = ({ person, lock, reason }: UnlockEvent): string => {
  const who = person ? person.username : 'a person who was erased'
  return reason === null
    ? `the gateway let ${who} in at ${lock}`
    : `the gateway refused ${who} at ${lock} (${reason})`
}

const recordWords = ({ seq, kind, atMs, body }: LogRecord): string =>
  `Record ${seq}: ${kind}, ${body?.text ?? 'erased'}, recorded ${new Date(atMs).toISOString()}`
