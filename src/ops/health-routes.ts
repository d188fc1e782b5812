import { Type as t } from '@sinclair/typebox'
import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import { message } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'

type Dependencies = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly probeWrite: () => Promise<void>
  /** What is wrong with the unlock log, or undefined if nothing is known to be. */
  readonly logFault: () => { readonly fault: string } | undefined
}

/** Health, for supervisors. */
export const healthRoutes = (deps: Dependencies): readonly Endpoint[] => [live(), ready(deps)]

const status = <const Word extends string>(word: Word, name: string) => ({
  description: word,
  schema: t.Object({ status: t.Literal(word) }, { $id: name, additionalProperties: false }),
  example: { status: word },
})

const live = () =>
  endpoint(
    {
      method: 'GET',
      path: '/livez',
      access: 'public',
      tag: 'Health',
      operationId: 'checkLiveness',
      summary: 'Check that the process is alive',
      answers: { 200: status('ok', 'Liveness') },
    },
    () => ({ status: 'ok' as const }),
  )

/** How long the result of one probe answers further checks, so that polling does not wear out the
 * disk. */
const READINESS_KEPT_MS = 2000

const ready = ({ clock, probeWrite, logFault }: Dependencies) => {
  const isWritable = remembered(probeWrite, clock)
  return endpoint(
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      tag: 'Health',
      operationId: 'checkReadiness',
      summary: 'Check that the server can do its work',
      description:
        'The database has committed a write within the last seconds, and the last verification found ' +
        'the unlock log intact.',
      answers: {
        200: status('ready', 'Readiness'),
        503: message(
          'It cannot; `msg` says why',
          'The disk is full',
          'The unlock log does not verify. Event 41: its entry was changed',
        ),
      },
    },
    async () => {
      await isWritable()
      const broken = logFault()
      if (broken)
        throw new AppError('unavailable', `The unlock log does not verify. ${broken.fault}`)
      return { status: 'ready' as const }
    },
  )
}

const remembered = (probe: () => Promise<void>, { monotonicMs }: Pick<Clock, 'monotonicMs'>) => {
  let outcome: Promise<void> | undefined
  let probedAtMs = 0
  return (): Promise<void> => {
    const nowMs = monotonicMs()
    if (!outcome || nowMs - probedAtMs > READINESS_KEPT_MS) {
      probedAtMs = nowMs
      outcome = probe()
    }
    return outcome
  }
}
