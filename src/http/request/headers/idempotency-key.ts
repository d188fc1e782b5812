import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { acceptedBy, accepting, notAccepted } from '../accepted.ts'

/** Printable ASCII, since what else a header contains is read differently by each program. */
export const IdempotencyKey = t.String({
  pattern: '^[ -~]{1,255}$',
  examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ...accepting('1 to 255 printable ASCII characters'),
})

/** Returns the `Idempotency-Key` of a request, if it has one. Throws `invalid`. */
export const idempotencyKey = ({ headers }: Request): string | undefined => {
  const key = headers.get('idempotency-key')
  if (key === null) return undefined
  if (!Value.Check(IdempotencyKey, key))
    throw notAccepted({ 'Idempotency-Key': acceptedBy(IdempotencyKey) })
  return key
}
