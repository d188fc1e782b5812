import { type TSchema, Type as t } from '@sinclair/typebox'
import { oneOf } from '../../http/request/text.ts'
import { VERIFICATION_SCOPES } from './verification.ts'

const orNull = <Schema extends TSchema>(schema: Schema, description: string) =>
  t.Union([schema, t.Null()], { description })

const Count = t.Integer({ minimum: 0 })

/** The result of the last verification. */
export const VerificationAnswer = t.Object(
  {
    state: oneOf(['unchecked', 'intact', 'broken']),
    scope: orNull(oneOf(VERIFICATION_SCOPES), 'The newest 200 events and the root, or everything'),
    size: orNull(Count, 'Number of events, if the log is intact'),
    checked_at: orNull(t.String({ format: 'date-time' }), 'When the verification ended'),
    seq: orNull(Count, 'The first wrong event, if the fault shows at one'),
    fault: orNull(t.String(), 'What is wrong, in words'),
    running: t.Boolean({ description: 'True while all events are being verified' }),
  },
  { $id: 'LogVerification', additionalProperties: false },
)
