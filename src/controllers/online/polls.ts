import type { Clock } from '../../domain/clock.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import type { Controller } from '../core/controller.ts'
import type { DoorKeys } from '../door-key/door-key.ts'
import type { Received, Reports } from '../reports/service.ts'
import type { Commands } from './commands.ts'
import type { Lines } from './lines.ts'

export type Polls = ReturnType<typeof pollService>

export type Poll = {
  readonly nonce: Uint8Array
  readonly waitMs: number
  /** The client by its address. */
  readonly client: string
  /** The thumbprint of the door key that the controller trusts. */
  readonly doorKey: string | undefined
  readonly signal: AbortSignal
}

/** What a controller gets for a poll. */
export type PollAnswer = {
  readonly commands: readonly Uint8Array[]
  /** The statements that lead from the door key that it trusts to the one that signed the commands. */
  readonly successions: readonly Uint8Array[]
  readonly want: Received['missing']
}

type Dependencies = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly lines: Lines
  readonly commands: Pick<Commands, 'take'>
  readonly keys: Pick<DoorKeys, 'current' | 'successionsFrom'>
  readonly reports: Pick<Reports, 'received'>
  /** Called at the beginning and the end of each poll. */
  readonly onSeen: (controllerId: string) => void
  /** Throws `unavailable` if this process cannot send commands: the controller then asks another replica. */
  readonly requireKey?: (() => Promise<unknown>) | undefined
  /** Called when a poll has begun; `isNew` if the controller was not polling this process before. */
  readonly onBegun?: ((isNew: boolean) => Promise<void>) | undefined
}

/** Missing reports are asked for at this interval: some may be lost for good. */
const WANT_EVERY_MS = 10 * MINUTE_MS

/** Answers polls of controllers as soon as there is something to say. */
export const pollService = (deps: Dependencies) => {
  const { clock, lines, commands, keys, reports, onSeen, requireKey, onBegun } = deps
  const wantedAtMs = new Map<string, number>()
  /** Controllers that trust a door key from which nothing leads to the current one. */
  const strays = new Set<string>()

  const wantOf = async (controller: Controller): Promise<Received['missing']> => {
    const { id } = controller
    const now = clock.monotonicMs()
    if (now - (wantedAtMs.get(id) ?? -Infinity) < WANT_EVERY_MS) return []
    wantedAtMs.set(id, now)
    return (await reports.received(controller)).missing
  }

  const successionsFor = async (
    id: string,
    doorKey: string | undefined,
  ): Promise<readonly Uint8Array[]> => {
    if (doorKey === undefined) return []
    const successions = await keys.successionsFrom(doorKey)
    if (successions) strays.delete(id)
    else strays.add(id)
    return successions ?? []
  }

  const answerTo = async (
    controller: Controller,
    { nonce, doorKey }: Poll,
  ): Promise<PollAnswer | undefined> => {
    const due = await commands.take(controller, nonce, keys.current)
    const successions = await successionsFor(controller.id, doorKey)
    const want = await wantOf(controller)
    if (due.length + successions.length + want.length === 0) return undefined
    return { commands: due, successions, want }
  }

  return {
    /** Returns the answer, or undefined if there is nothing to say until the wait is over, or a newer poll of the
     * controller and client has begun. Throws `unavailable`. */
    poll: async (controller: Controller, poll: Poll): Promise<PollAnswer | undefined> => {
      const endsAtMs = performance.now() + poll.waitMs
      await requireKey?.()
      const wasHere = lines.isOnline(controller.id)
      const line = lines.open(controller.id, poll.client)
      onSeen(controller.id)
      try {
        await onBegun?.(!wasHere)
        for (;;) {
          const answer = await answerTo(controller, poll)
          // The nonce of a poll that is not the newest is worthless.
          if (!line.isNewest()) return undefined
          if (answer) return answer
          if (!(await line.next(endsAtMs - performance.now(), poll.signal))) return undefined
        }
      } finally {
        line.close()
        onSeen(controller.id)
      }
    },

    trustsOtherKey: (controllerId: string): boolean => strays.has(controllerId),

    forget: (controllerId: string): void => {
      strays.delete(controllerId)
      wantedAtMs.delete(controllerId)
      lines.forget(controllerId)
    },
  }
}
