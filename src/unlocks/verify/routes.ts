import type { Static } from '@sinclair/typebox'
import type { Endpoints } from '../../http/router.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { VerificationAnswer } from './schema.ts'
import type { VerificationScheduler } from './scheduler.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly watch: Pick<VerificationScheduler, 'last' | 'verifyAll' | 'isVerifying'>
}

/** What the service itself finds when it checks the log, now and then or when it is asked to. */
export const verificationRoutes = ({ endpoints, watch }: Dependencies) =>
  endpoints
    .group('default')
    .get('/v1/log/verification', () => verification(watch), VERIFICATION)
    .post(
      '/v1/log/verification',
      ({ set }) => {
        void watch.verifyAll()
        set.status = 202
        return verification(watch)
      },
      VERIFY,
    )

const verification = ({
  last,
  isVerifying,
}: Dependencies['watch']): Static<typeof VerificationAnswer> => {
  const check = last()
  return {
    ...UNCHECKED,
    ...(check && { scope: check.scope, checked_at: new Date(check.checkedAtMs).toISOString() }),
    ...(check?.ok === true && { state: 'intact', size: check.size }),
    ...(check?.ok === false && { state: 'broken', seq: check.seq ?? null, fault: check.fault }),
    running: isVerifying(),
  }
}

const UNCHECKED = {
  state: 'unchecked',
  scope: null,
  size: null,
  checked_at: null,
  seq: null,
  fault: null,
} as const

const INTACT: Static<typeof VerificationAnswer> = {
  state: 'intact',
  scope: 'full',
  size: 42,
  checked_at: '2026-11-22T18:30:02.125Z',
  seq: null,
  fault: null,
  running: false,
}

const VERIFICATION = operation({
  access: 'member',
  tag: 'Log',
  summary: 'What the last check of the log found',
  description:
    'Each start checks the newest events; a minute later, and then once a day, all are checked, ' +
    'and whenever an admin asks. A fault stays until a later check finds none.',
  answers: { 200: { description: 'The verdict', schema: VerificationAnswer, example: INTACT } },
})

const VERIFY = operation({
  access: 'admin',
  tag: 'Log',
  summary: 'Check the whole log now',
  description:
    'Begins a check of all events in the background, or joins the one under way, and answers what ' +
    'the last one found: ask for that again until `running` is false.',
  answers: {
    202: {
      description: 'It is under way',
      schema: VerificationAnswer,
      example: { ...INTACT, scope: 'recent', running: true },
    },
    403: problem(403, 'forbidden', 'Only an admin may do this'),
  },
})
