import type { Static } from '@sinclair/typebox'
import type { Delivery, Summary } from '../core/delivery-store.ts'
import type { StoredTarget } from '../core/target-store.ts'
import type { DeliveriesAnswer, TargetAnswer } from './schema.ts'

/** A target with its deliveries in numbers, for someone who may see it. */
export type ShownTarget = {
  readonly target: StoredTarget
  /** Its rules in words. */
  readonly says: readonly string[]
  readonly summary: Summary | undefined
  /** Whether the viewer may see the receiver’s answers. */
  readonly showsAnswers: boolean
}

type Json = Static<typeof TargetAnswer>

/** Returns a target as the API shows it, without its secrets. */
export const targetJson = ({ target, says, summary, showsAnswers }: ShownTarget): Json => {
  const { last, waiting = 0 } = summary ?? {}
  return {
    id: target.id,
    kind: target.kind,
    name: target.name,
    account: target.accountPublicId,
    settings: { ...target.settings } as Json['settings'],
    rules: target.rules.map((rule, at) => ({
      ...(structuredClone(rule) as Json['rules'][number]),
      says: says[at] ?? '',
    })),
    state: target.disabledWhy === undefined ? 'enabled' : 'disabled',
    disabled_why: target.disabledWhy ?? null,
    failing_since: timeOf(target.failingSinceMs),
    waiting,
    last: last
      ? {
          at: timeOf(last.settledAtMs),
          state: last.state,
          status: last.status,
          answer: showsAnswers ? last.answer : null,
        }
      : null,
    version: target.version,
    created_at: new Date(target.createdAtMs).toISOString(),
  }
}

/** Returns a row of a target's outbox as the API shows it. */
export const deliveryJson = (
  delivery: Delivery,
  showsAnswers: boolean,
): Static<typeof DeliveriesAnswer>['deliveries'][number] => ({
  id: delivery.id,
  event: delivery.event,
  seq: delivery.seq,
  state: delivery.state,
  attempts: delivery.attempts,
  created_at: new Date(delivery.createdAtMs).toISOString(),
  due_at: delivery.state === 'waiting' ? timeOf(delivery.dueAtMs) : null,
  settled_at: timeOf(delivery.settledAtMs),
  status: delivery.status,
  answer: showsAnswers ? delivery.answer : null,
})

const timeOf = (ms: number | null | undefined): string | null =>
  ms === null || ms === undefined ? null : new Date(ms).toISOString()
