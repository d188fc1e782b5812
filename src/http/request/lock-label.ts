import { Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { accepting } from './accepted.ts'

/** The label of a lock. */
export const LockLabel = t.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$',
  description: 'Which lock: lower-case letters, digits and hyphens',
  examples: [DEFAULT_LOCK],
  ...accepting('1 to 32 lower-case letters and digits, with hyphens between'),
})
