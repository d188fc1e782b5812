import { decodeBase64 } from '#crypto'
import { SECOND_MS } from '../../domain/duration.ts'
import type { ClaimsOf } from '../../domain/statement/claims.ts'
import { openStatement } from '../../domain/statement/statement.ts'
import { parsedObject } from '../log/entry.ts'
import type { UnlockEvent } from '../log/event.ts'
import { type Leaf, isRecord } from '../log/leaf.ts'

/** Follows the controllers of a log, leaf by leaf. Their keys are in the records of their enrolment. */
export const controllerChecks = ({ checksSignatures }: { readonly checksSignatures: boolean }) => {
  const keys = new Map<string, Uint8Array>()
  const counters = new Map<string, Set<number>>()
  // A browser has it only where a page can be trusted, such as in a file.
  const hasCrypto = (globalThis as { crypto?: Partial<Crypto> }).crypto?.subtle !== undefined

  return {
    /** Returns the fault of the next leaf if it has the counter of an earlier report of the same controller. A lower
     * counter than before is none: it fills a gap. */
    counterFault: (leaf: Leaf): string | undefined => {
      if (isRecord(leaf)) {
        const [id, key] = enrolledIn(leaf) ?? []
        if (id !== undefined && key) keys.set(id, key)
        return undefined
      }
      const { reporter = '', reporterCounter: counter } = leaf
      if (counter === undefined) return undefined
      const known = counters.get(reporter) ?? new Set()
      if (known.has(counter)) return 'another event is the same report of its controller'
      counters.set(reporter, known.add(counter))
      return undefined
    },

    /** Resolves to the fault of that leaf if its statement is not one of its controller that says the same. Undefined if
     * there is nothing to check: no report of a controller, an erased statement, or a key that the log does not
     * name. */
    signatureFault: (leaf: Leaf): Promise<string | undefined> | undefined => {
      if (isRecord(leaf) || leaf.reporterCounter === undefined || !leaf.statement) return undefined
      const key = keys.get(leaf.reporter ?? '')
      return key && checksSignatures && hasCrypto
        ? signatureFault(leaf, leaf.statement, key)
        : undefined
    },
  }
}

const enrolledIn = (leaf: Extract<Leaf, { bodyHash: unknown }>) => {
  if (leaf.kind !== 'device.enrolled' || !leaf.body) return undefined
  const { controller, key } = parsedObject(leaf.body.text) ?? {}
  if (typeof controller !== 'string' || typeof key !== 'string') return undefined
  return [controller, decodeBase64(key)] as const
}

const signatureFault = async (
  leaf: UnlockEvent,
  statement: Uint8Array,
  key: Uint8Array,
): Promise<string | undefined> => {
  const claims = await openStatement('report', statement, key)
  if (!claims) return 'its statement is not one that its controller signed'
  return isSame(claims, leaf) ? undefined : 'its controller signed something else'
}

/** True if a report and its leaf say the same, as far as the leaf says it: it has an attempt only if the gateway knows
 * it, and a time only if the controller's clock was sure. */
const isSame = (claims: ClaimsOf<'report'>, leaf: UnlockEvent): boolean =>
  claims.counter === leaf.reporterCounter &&
  (leaf.attemptId === null || leaf.attemptId === claims.attempt) &&
  (leaf.occurredAtMs === null || leaf.occurredAtMs === claims.issuedAtS * SECOND_MS) &&
  (claims.result === 'opened_unasked' ? 'unlocked' : claims.result) === (leaf.reason ?? leaf.result)
