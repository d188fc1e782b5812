import { type Static, Type as t } from '@sinclair/typebox'
import { accepting } from '../../http/request/accepted.ts'
import { base64Of } from '../core/controller.ts'
import type { Received } from '../reports/service.ts'
import type { PollAnswer } from './polls.ts'

const NONCE_EXAMPLE = 'PpmMh9Xt8Wf3wMcAJd4v8A'
const THUMBPRINT_EXAMPLE = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'

const WAIT_SECONDS = 25
const WAIT_SECONDS_MAX = 30

export const PollQuery = t.Object({
  nonce: t.String({
    pattern: '^[A-Za-z0-9_-]{21}[AQgw]$',
    description: '16 random bytes as Base64url, new for each poll: the commands name it',
    examples: [NONCE_EXAMPLE],
    ...accepting('16 bytes as Base64url'),
  }),
  wait: t.Optional(
    t.Integer({
      minimum: 0,
      maximum: WAIT_SECONDS_MAX,
      default: WAIT_SECONDS,
      description: 'How long to wait for a command, in seconds',
    }),
  ),
  door_key: t.Optional(
    t.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description:
        'The door key that the controller trusts: the SHA-256 of its 65 bytes as Base64url',
      examples: [THUMBPRINT_EXAMPLE],
      ...accepting('a SHA-256 as Base64url'),
    }),
  ),
})

export const WAIT_SECONDS_DEFAULT = WAIT_SECONDS

/** Returns the bytes of a nonce that the schema accepted. */
export const nonceOf = ({ nonce }: Static<typeof PollQuery>): Uint8Array =>
  Uint8Array.fromBase64(nonce, { alphabet: 'base64url' })

const Statements = (description: string) =>
  t.Array(t.String(), { description, examples: [[STATEMENT_EXAMPLE]] })

const STATEMENT_EXAMPLE =
  '0oRDoQEmoFhSpgNIeKvN7wESNFYGGmkqAIA6AAERcwM6AAERdVAAAAAAAAAAAAAAAAAAAAAAWEA='

const Runs = t.Array(t.Array(t.Integer(), { minItems: 2, maxItems: 2 }), {
  description: 'Runs of counters of reports that are missing: the first and the last of each',
  examples: [[[17, 19]]],
})

export const PollAnswerSchema = t.Object(
  {
    commands: Statements('Commands, as signed statements in Base64'),
    successions: Statements(
      'Statements that lead from the door key that the controller trusts to the current one, oldest first; they come before commands',
    ),
    want: Runs,
  },
  { $id: 'ControllerCommands', additionalProperties: false },
)

export const POLL_EXAMPLE = {
  commands: [STATEMENT_EXAMPLE],
  successions: [],
  want: [],
} as const satisfies Static<typeof PollAnswerSchema>

export const pollJson = ({
  commands,
  successions,
  want,
}: PollAnswer): Static<typeof PollAnswerSchema> => ({
  commands: commands.map(base64Of),
  successions: successions.map(base64Of),
  want: want.map((run) => [...run]),
})

export const STATEMENTS_MAX = 100
const STATEMENT_TEXT_MAX = 684

export const ReportsBody = t.Object(
  {
    statements: t.Array(t.String({ maxLength: STATEMENT_TEXT_MAX }), {
      minItems: 1,
      maxItems: STATEMENTS_MAX,
      description: 'Reports in the order of their counters, as signed statements in Base64',
      examples: [[STATEMENT_EXAMPLE]],
      ...accepting(`1 to ${STATEMENTS_MAX} statements in Base64`),
    }),
  },
  { $id: 'ControllerReports' },
)

export const ReceivedAnswer = t.Object(
  {
    through: t.Integer({
      description: 'The highest counter up to which no report is missing',
      examples: [4711],
    }),
    missing: Runs,
  },
  { $id: 'ReceivedReports', additionalProperties: false },
)

export const receivedJson = ({ through, missing }: Received): Static<typeof ReceivedAnswer> => ({
  through,
  missing: missing.map((run) => [...run]),
})
