import { Type as t } from '@sinclair/typebox'
import type { Clock } from '../domain/clock.ts'
import { AppError } from '../errors.ts'
import { message } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { oneOf } from '../http/request/text.ts'
import { DISK_RESERVED, type DiskState } from '../storage/disk-space.ts'

type Dependencies = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly probeWrite: () => Promise<void>
  /** Returns for how many milliseconds the disk has not answered a write. */
  readonly unansweredMs: () => number
  readonly diskState: () => DiskState
  /** What is wrong with the unlock log, or undefined if nothing is known to be. */
  readonly logFault: () => { readonly fault: string } | undefined
  /** If the log is stopped, why, in a sentence for anyone. */
  readonly logStop: () => { readonly says: string } | undefined
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
      limits: ['health'],
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

/** How long a write may take, which is enough for a worn card, and how often that is checked. */
const ANSWER_MS_MAX = 5000
const LOOK_MS = 100

const SILENT = 'The disk has not answered for 5 seconds'

const ready = (deps: Dependencies) => {
  const { clock, probeWrite, unansweredMs, diskState, logFault, logStop } = deps
  const isWritable = remembered(probeWrite, clock)
  return endpoint(
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      limits: ['health'],
      tag: 'Health',
      operationId: 'checkReadiness',
      summary: 'Check that the server can do its work',
      description:
        'The database has committed a write within the last seconds, the last verification found the ' +
        'unlock log intact, and it continues what this gateway has signed. `disk` warns before the disk is full: `low` below twice `DISK_RESERVE`, ' +
        '`reserved` below it, when newcomers and batches of unlocks are refused.',
      answers: {
        200: {
          description: 'ready',
          schema: t.Object(
            { status: t.Literal('ready'), disk: t.Optional(oneOf(['low', 'reserved'])) },
            { $id: 'Readiness', additionalProperties: false },
          ),
          example: { status: 'ready' },
        },
        503: message(
          'It cannot; `msg` says why',
          'The disk is full',
          SILENT,
          DISK_RESERVED,
          'The unlock log does not verify. Event 41: its entry was changed',
          {
            msg: 'The unlock log is shorter than what this gateway has signed: …',
            code: 'log_stopped',
          },
        ),
      },
    },
    async () => {
      await inTime(isWritable(), unansweredMs)
      const stop = logStop()
      if (stop) throw new AppError('unavailable', stop.says, { reason: 'log_stopped' })
      const broken = logFault()
      if (broken)
        throw new AppError('unavailable', `The unlock log does not verify. ${broken.fault}`)
      const disk = diskState()
      if (disk === 'last') throw new AppError('unavailable', DISK_RESERVED)
      return { status: 'ready' as const, ...(disk === 'ok' ? {} : { disk }) }
    },
  )
}

/** Waits for a probe, but no longer than the disk has to answer: an earlier write may be in its way. */
const inTime = async (probe: Promise<void>, unansweredMs: () => number): Promise<void> => {
  const over = new AbortController()
  const silence = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if (unansweredMs() >= ANSWER_MS_MAX) throw new AppError('unavailable', SILENT)
      await Bun.sleep(LOOK_MS)
    }
  }
  await Promise.race([probe.finally(() => over.abort()), silence()])
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
