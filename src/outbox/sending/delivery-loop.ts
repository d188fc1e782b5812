import { type LimitFunction } from 'p-limit'
import { GATEWAY } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Channel, Message, SendResult } from '../../domain/home-event.ts'
import type { Logger } from '../../http/log/logger.ts'
import type { Database, Transaction } from '../../storage/database.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { type Delivery, type Mark, deliveriesIn } from '../core/delivery-store.ts'
import { type StoredTarget, targetsIn } from '../core/target-store.ts'
import { type Facts, digestOf, messageOf } from './messages.ts'
import { waitAfter, waitUntilDue } from './retry.ts'

export type Channels = Readonly<Record<string, Channel | undefined>>

export type DeliveryDependencies = Facts & {
  readonly db: Pick<Database, 'all' | 'get' | 'run' | 'transaction'>
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly logger: Logger
  readonly auditIn: AuditIn
  /** The channels by the kind of target. */
  readonly channels: Channels
  /** Called after each attempt. */
  readonly onAttempt: (kind: string, outcome: 'delivered' | 'failed') => void
  readonly random?: () => number
}

/** The time limit for one message. */
const SEND_MS_MAX = 15 * SECOND_MS

/** Rows read at a time, and how long their outcomes may stay unsaved. After a crash, unsaved ones are sent again with
 * the same ids. */
const BATCH = 50
const UNSAVED_MS_MAX = 250

/** A target is disabled if every attempt has failed for this long. */
const FAILING_MS_MAX = 5 * DAY_MS

/** How much of an answer is stored. */
const ANSWER_CHARACTERS_MAX = 200

/** How often a target that holds messages back is checked again. */
const ASK_AGAIN_MS = 15 * MINUTE_MS

type Turn = {
  readonly id: string
  /** Aborted when the service stops. */
  readonly stop: AbortSignal
  /** True the first time in this process: then a retry waits until it is due. */
  readonly isFirst: boolean
  readonly limit: LimitFunction
}

/** Returns a function that sends one target what is waiting for it, in order, until nothing is left or an attempt
 * fails. It returns how many milliseconds to wait before the next attempt, or undefined. */
export const deliveryLoop = (deps: DeliveryDependencies) => {
  const { db, clock, logger, auditIn, channels, onAttempt, random } = deps
  const deliveries = deliveriesIn(db)

  const send = async (
    { target, channel }: Recipient,
    message: Message,
    { stop, limit }: Turn,
  ): Promise<SendResult> => {
    const result = await limit(async (): Promise<SendResult> => {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(SEND_MS_MAX)])
      try {
        return await channel.send(target, message, signal)
      } catch (error) {
        logger.error({ err: error, target: target.id }, 'a delivery failed unexpectedly')
        return { status: 'failed', answer: 'The server failed; its log says why' }
      }
    })
    onAttempt(target.kind, result.status === 'delivered' ? 'delivered' : 'failed')
    return result
  }

  /** Saves outcomes, and retries until they are saved, so that a full disk does not cause repeated messages. */
  const save = async (
    stop: AbortSignal,
    work: (tx: Transaction) => Promise<void>,
  ): Promise<void> => {
    for (let pauseMs = SECOND_MS; ; pauseMs = Math.min(2 * pauseMs, MINUTE_MS)) {
      try {
        return await db.transaction(work)
      } catch (error) {
        logger.warn({ err: error }, 'the outcome of deliveries could not be saved yet')
        if (stop.aborted) return
        await pause(pauseMs, stop)
      }
    }
  }

  const disable = async (
    tx: Transaction,
    { id: subject }: StoredTarget,
    why: 'gone' | 'failing',
  ): Promise<void> => {
    await targetsIn(tx).disable(subject, why)
    const event = { action: 'target.disable', result: 'failure', subject } as const
    await auditIn(tx).record(GATEWAY, { ...event, detail: { reason: why } })
  }

  const saveSuccess = ({ target }: Recipient, turn: Turn, marks: readonly Mark[]): Promise<void> =>
    save(turn.stop, async (tx) => {
      await deliveriesIn(tx).mark(marks)
      if (target.failingSinceMs !== undefined) await targetsIn(tx).setFailing(target.id, undefined)
    })

  const givesUp = ({ kind }: StoredTarget): boolean => channels[kind]?.givesUp ?? true

  const saveFailure = async (
    { target, readAtMs }: Recipient,
    turn: Turn,
    { marks, isGone }: { readonly marks: readonly Mark[]; readonly isGone: boolean },
  ): Promise<void> => {
    const nowMs = clock.wallMs()
    const hasSucceeded = marks.some(({ state }) => state === 'delivered')
    const before = hasSucceeded ? undefined : target.failingSinceMs
    await save(turn.stop, async (tx) => {
      await deliveriesIn(tx).mark(marks)
      if (before === undefined) await targetsIn(tx).setFailing(target.id, nowMs)
      if (isGone) await disable(tx, target, 'gone')
      else if (givesUp(target) && before !== undefined && readAtMs - before >= FAILING_MS_MAX)
        await disable(tx, target, 'failing')
    })
  }

  const sendRows = async (
    recipient: Recipient,
    turn: Turn,
    rows: readonly Delivery[],
  ): Promise<Next> => {
    const marks: Mark[] = []
    const begunMs = clock.monotonicMs()
    for (const row of rows) {
      const message = await messageOf(deps, recipient.target.id, row)
      const result = message && (await send(recipient, message, turn))
      if (turn.stop.aborted && result?.status !== 'delivered') break
      const nowMs = clock.wallMs()
      if (result === undefined || result.status === 'delivered') {
        marks.push(settled(row, result, nowMs))
      } else {
        const attempts = row.attempts + 1
        const isGone = result.status === 'gone'
        const waitMs = isGone
          ? undefined
          : waitAfter({ attempts, ...result }, recipient.channel.retriesMs, random)
        marks.push(failed(row, result, { nowMs, waitMs }))
        await saveFailure(recipient, turn, { marks, isGone })
        return waitMs ?? 'more'
      }
      if (clock.monotonicMs() - begunMs > UNSAVED_MS_MAX) break
    }
    if (marks.length > 0) await saveSuccess(recipient, turn, marks)
    return 'more'
  }

  const sendDigest = async (
    recipient: Recipient,
    turn: Turn,
    { head, ...missed }: Pick<Due, 'gap' | 'stale' | 'beforeMs' | 'head'>,
  ): Promise<Next> => {
    const { target, channel } = recipient
    const result = await send(recipient, digestOf(target.id, missed.gap, missed.stale), turn)
    if (turn.stop.aborted && result.status !== 'delivered') return 'more'
    const nowMs = clock.wallMs()
    if (result.status === 'delivered') {
      await save(turn.stop, async (tx) => {
        await deliveriesIn(tx).markReported(target.id, { ...missed, nowMs })
        await targetsIn(tx).setFailing(target.id, undefined)
      })
      return 'more'
    }
    const isGone = result.status === 'gone'
    const attempts = (head?.attempts ?? 0) + 1
    const last = channel.retriesMs.at(-1) ?? MINUTE_MS
    const waitMs = waitAfter({ attempts, ...result }, channel.retriesMs, random)
    const marks = head ? [failed(head, result, { nowMs, waitMs: isGone ? undefined : waitMs })] : []
    await saveFailure(recipient, turn, { marks, isGone })
    return waitMs ?? last
  }

  const dueFor = async ({ target, channel, readAtMs: nowMs }: Recipient): Promise<Due> => {
    const rows = await deliveries.waiting(target.id, nowMs, BATCH)
    const beforeMs = channel.freshMs === undefined ? -Infinity : nowMs - channel.freshMs
    return {
      rows,
      head: rows[0],
      gap: await deliveries.gap(target.id),
      stale:
        beforeMs === -Infinity || rows.length === 0
          ? undefined
          : await deliveries.stale(target.id, beforeMs),
      beforeMs,
    }
  }

  return async (turn: Turn): Promise<number | undefined> => {
    for (let isFirst = turn.isFirst; !turn.stop.aborted; isFirst = false) {
      const target = await targetsIn(db).find(turn.id)
      const channel = target && channels[target.kind]
      if (!channel || target.disabledWhy !== undefined) return undefined
      const nowMs = clock.wallMs()
      const recipient = { target, channel, readAtMs: nowMs }
      const due = await dueFor(recipient)
      const { head, gap, stale, rows } = due
      if (!head && !gap) return undefined
      const createdAtMs = head?.createdAtMs ?? nowMs
      const askedMs = channel.waitMs?.(target, { createdAtMs }, nowMs) ?? 0
      if (askedMs > 0) return Math.min(askedMs, ASK_AGAIN_MS)
      const dueMs = isFirst && head ? waitUntilDue(head, channel.retriesMs, nowMs) : 0
      if (dueMs > 0) return dueMs
      const next =
        gap || stale
          ? await sendDigest(recipient, turn, due)
          : await sendRows(recipient, turn, rows)
      if (next !== 'more') return next
    }
    return undefined
  }
}

type Recipient = {
  readonly target: StoredTarget
  readonly channel: Channel
  /** When the target was read. If the clock jumps later, its failures do not become older. */
  readonly readAtMs: number
}

/** Whether to continue at once, or after how many milliseconds. */
type Next = 'more' | number

type Due = {
  readonly rows: readonly Delivery[]
  readonly head: Delivery | undefined
  readonly gap: Awaited<ReturnType<ReturnType<typeof deliveriesIn>['gap']>>
  readonly stale: Due['gap']
  readonly beforeMs: number
}

const settled = (row: Delivery, result: SendResult | undefined, nowMs: number): Mark => ({
  ...row,
  state: result ? 'delivered' : 'dropped',
  attempts: result ? row.attempts + 1 : row.attempts,
  settledAtMs: nowMs,
  status: result?.code ?? null,
  answer: result ? shortened(result.answer) : 'nothing left to send',
})

const failed = (
  row: Delivery,
  { code, answer }: Exclude<SendResult, { readonly status: 'delivered' }>,
  { nowMs, waitMs }: { readonly nowMs: number; readonly waitMs: number | undefined },
): Mark => ({
  ...row,
  state: waitMs === undefined ? 'dead' : 'waiting',
  attempts: row.attempts + 1,
  dueAtMs: nowMs + (waitMs ?? 0),
  settledAtMs: waitMs === undefined ? nowMs : null,
  status: code ?? null,
  answer: shortened(answer),
})

/** Returns an answer as it is kept. PostgreSQL stores no zero character. */
const shortened = (answer: string | undefined): string | null =>
  answer === undefined
    ? null
    : answer.slice(0, ANSWER_CHARACTERS_MAX).toWellFormed().replaceAll('\0', '\uFFFD')

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
