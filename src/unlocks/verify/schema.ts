import { type TSchema, Type as t } from '@sinclair/typebox'
import { oneOf } from '../../http/request/text.ts'
import { VERIFICATION_SCOPES } from './scheduler.ts'

const orNull = <Schema extends TSchema>(schema: Schema, description: string) =>
  t.Union([schema, t.Null()], { description })

const Count = t.Integer({ minimum: 0 })

/** What the last check of the log found. */
export const VerificationAnswer = t.Object(
  {
    state: oneOf(['unchecked', 'intact', 'broken']),
    scope: orNull(oneOf(VERIFICATION_SCOPES), 'The newest thousand events and the root, or all'),
    size: orNull(Count, 'Events that the log holds, where it is intact'),
    checked_at: orNull(t.String({ format: 'date-time' }), 'When the check ended'),
    seq: orNull(Count, 'The first wrong event, where the fault shows at one'),
    fault: orNull(t.String(), 'What is wrong, in words'),
    running: t.Boolean({ description: 'Whether a check of all events is under way' }),
  },
  { additionalProperties: false },
)
