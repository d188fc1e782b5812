import type { Static } from '@sinclair/typebox'
import type { Account } from '../../domain/account.ts'
import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import type { VerificationScheduler } from './scheduler.ts'
import { VerificationAnswer } from './schema.ts'

type Dependencies = {
  readonly verification: Pick<VerificationScheduler, 'last' | 'verifyAll' | 'isVerifying'>
  /** Returns how many events an account may know of. */
  readonly visibleSize: (account: Account) => Promise<number>
}

/** What the service found when it last verified its log. */
export const verificationRoutes = (deps: Dependencies): readonly Endpoint[] => [
  lastVerification(deps),
  verifyNow(deps),
]

const INTACT: Static<typeof VerificationAnswer> = {
  state: 'intact',
  scope: 'full',
  size: 42,
  checked_at: '2026-11-22T18:30:02.125Z',
  seq: null,
  fault: null,
  running: false,
}

const lastVerification = (deps: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/log/verification',
      access: 'member',
      tag: 'Log',
      operationId: 'getLogVerification',
      summary: 'Get the result of the last verification',
      description:
        'The newest unlocks are verified at each start; all of them a minute later, then once a day, ' +
        'and whenever an admin asks. A fault stays until a later verification finds none. For a member ' +
        '`size` counts unlocks up to their own newest or the last full hour.',
      answers: {
        200: { description: 'The result', schema: VerificationAnswer, example: INTACT },
      },
    },
    ({ account }) => answerFor(account, deps),
  )

const verifyNow = (deps: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/log/verification',
      access: 'admin',
      tag: 'Log',
      operationId: 'verifyLog',
      summary: 'Verify the whole log now',
      description:
        'Starts verifying all unlocks in the background, or joins a verification that is running, ' +
        'and returns the result of the last one. Get it again until `running` is false.',
      answers: {
        202: {
          description: 'It is running',
          schema: VerificationAnswer,
          example: { ...INTACT, scope: 'recent', running: true },
        },
        403: problem(403, 'forbidden', 'Only an admin may do this'),
      },
    },
    ({ set, account }) => {
      void deps.verification.verifyAll()
      set.status = 202
      return answerFor(account, deps)
    },
  )

const answerFor = async (
  account: Account,
  { verification, visibleSize }: Dependencies,
): Promise<Static<typeof VerificationAnswer>> => {
  const last = verification.last()
  const known = await visibleSize(account)
  return {
    ...UNCHECKED,
    ...(last && { scope: last.scope, checked_at: new Date(last.checkedAtMs).toISOString() }),
    ...(last?.ok === true && { state: 'intact', size: Math.min(last.size, known) }),
    ...(last?.ok === false && { state: 'broken', seq: last.seq ?? null, fault: last.fault }),
    running: verification.isVerifying(),
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
