import { t } from 'elysia'
import { AppError } from '../errors.ts'
import type { Endpoints } from '../http/router.ts'
import { message } from '../http/answers.ts'
import { operation } from '../http/endpoint.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly probeWrite: () => Promise<void>
  /** What is wrong with the unlock log, if anything is. */
  readonly logFault: () => { readonly fault: string } | undefined
}

/** Health, for supervisors. */
export const healthRoutes = ({ endpoints, probeWrite, logFault }: Dependencies) => {
  const isReady = remembered(probeWrite, READINESS_KEPT_MS)
  return endpoints
    .group('default')
    .get('/livez', () => ({ status: 'ok' }), LIVEZ)
    .get(
      '/readyz',
      async () => {
        await isReady()
        const broken = logFault()
        if (broken)
          throw new AppError('unavailable', `The unlock log does not verify. ${broken.fault}`)
        return { status: 'ready' }
      },
      READYZ,
    )
}

/** How long one probe's outcome answers further checks, so that polling does not wear the disk. */
const READINESS_KEPT_MS = 2000

const remembered = (probe: () => Promise<void>, keptMs: number) => {
  let outcome: Promise<void> | undefined
  let probedAt = 0
  return (): Promise<void> => {
    const now = performance.now()
    if (!outcome || now - probedAt > keptMs) {
      probedAt = now
      outcome = probe()
    }
    return outcome
  }
}

const status = (word: string) => ({
  description: word,
  schema: t.Object({ status: t.Literal(word) }, { additionalProperties: false }),
  example: { status: word },
})

const LIVEZ = operation({
  access: 'public',
  tag: 'Health',
  summary: 'Is the process alive?',
  answers: { 200: status('ok') },
})

const READYZ = operation({
  access: 'public',
  tag: 'Health',
  summary: 'Can the service do its work?',
  description:
    'The database answers and has committed a write within the last seconds, and the last check of the unlock log found it whole.',
  answers: {
    200: status('ready'),
    503: message(
      'It cannot, and why',
      'The disk is full',
      'The unlock log does not verify. Event 41: it was changed',
    ),
  },
})
