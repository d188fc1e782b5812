import type { Clock } from '../../domain/clock.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { lockClaim } from '../../domain/statement/claims.ts'
import { signStatement } from '../../domain/statement/statement.ts'
import type { Controller } from '../core/controller.ts'
import type { DoorKey } from '../door-key/reader.ts'
import type { Lines } from './lines.ts'

export type Commands = ReturnType<typeof commandQueue>

/** How an operation at a lock is stored. */
export type Operations = {
  /** Returns the state of the operation of an attempt, or undefined if there is none. */
  readonly stateOf: (attemptId: string) => Promise<string | undefined>
  /** Stores how an operation ended, unless that is known. */
  readonly settle: (
    attemptId: string,
    state: 'offline' | 'failed' | 'unknown',
    detail?: string,
  ) => Promise<void>
  /** Returns the attempts permitted since a time by any replica, whose locks have not answered yet. */
  readonly asked: (sinceMs: number) => Promise<readonly Permitted[]>
  /** Stores that a controller got the command, for other replicas. */
  readonly noteSent: (attemptId: string) => Promise<void>
}

/** An attempt that was just permitted. */
export type Permitted = {
  readonly id: string
  readonly lockId: string
  readonly decidedAtMs: number
}

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly lines: Pick<Lines, 'isOnline' | 'wake'>
  /** True if controllers may poll another replica. */
  readonly hasReplicas?: boolean
  readonly operations: Operations
  /** Returns the controllers of a lock that are trusted. */
  readonly controllersOf: (lockId: string) => readonly string[]
  /** Returns which of these attempts may still open their locks: meanwhile, a lockdown may have begun, or a grant have
   * been revoked. */
  readonly stillPermitted: (attemptIds: readonly string[]) => Promise<ReadonlySet<string>>
  /** Called for each command that a controller gets, and each attempt that none gets. */
  readonly onCommand: (outcome: 'sent' | 'offline' | 'withdrawn' | 'unheard') => void
  /** Called if the end of an operation could not be stored. */
  readonly onError: (error: unknown) => void
  /** How long a command lives, and how long a lock may take to report; by default as in the manual. */
  readonly commandMs?: number | undefined
  readonly unheardMs?: number | undefined
}

type Asked = Permitted & {
  readonly diesAtMs: number
  /** Controllers that get the command at their polls. */
  readonly askable: Set<string>
  /** Controllers that got it, and have not said how it ended. */
  readonly opening: Set<string>
  isSent: boolean
  isOver: boolean
  readonly timers: readonly Timer[]
}

/** How long a command is valid after its decision, in milliseconds: later, nobody may stand at the door. */
const COMMAND_MS = 10 * SECOND_MS
/** How long after the decision, in milliseconds, an outcome without a report becomes unknown. */
const UNHEARD_MS = 30 * SECOND_MS

/** Those that a controller has not had yet come first. */
const COMMANDS_PER_POLL_MAX = 100

/** Commands for the controllers that are online. A controller gets each at every poll, signed for the nonce of that
 * poll, until it has reported about the attempt or the command dies: so an answer that got lost, or that somebody with a
 * stolen token took, keeps no door shut. Controllers act on an attempt once. */
export const commandQueue = (deps: Dependencies) => {
  const { clock, lines, operations, controllersOf, stillPermitted, onCommand, onError } = deps
  const { commandMs = COMMAND_MS, unheardMs = UNHEARD_MS, hasReplicas = false } = deps
  const asked = new Map<string, Asked>()

  const forget = (attemptId: string): void => {
    for (const timer of asked.get(attemptId)?.timers ?? []) clearTimeout(timer)
    asked.delete(attemptId)
  }

  const settle: Operations['settle'] = async (attemptId, state, detail) => {
    try {
      await operations.settle(attemptId, state, detail)
    } catch (error) {
      onError(error)
    }
  }

  const die = async (one: Asked): Promise<void> => {
    one.askable.clear()
    if (one.isSent) return
    forget(one.id)
    onCommand('offline')
    await settle(one.id, 'offline')
  }

  const withdraw = async (one: Asked): Promise<void> => {
    one.askable.clear()
    onCommand('withdrawn')
    // A controller that has it already will say what happened.
    if (one.isSent) return
    forget(one.id)
    await settle(one.id, 'failed', WITHDRAWN)
  }

  const end = async ({ id, isOver }: Asked): Promise<void> => {
    forget(id)
    if (isOver) return
    onCommand('unheard')
    await settle(id, 'unknown')
  }

  const signed = ({ id, lockId, decidedAtMs }: Permitted, nonce: Uint8Array, key: DoorKey) =>
    signStatement(
      {
        kind: 'command',
        lock: lockClaim(lockId),
        issuedAtS: Math.floor(decidedAtMs / SECOND_MS),
        nonce,
        attempt: id,
      },
      key.sign,
    )

  const onlineAt = (lockId: string): readonly string[] =>
    controllersOf(lockId).filter((one) => lines.isOnline(one))

  const ask = (permitted: Permitted, online: readonly string[], livesMs: number): void => {
    const one: Asked = {
      ...permitted,
      diesAtMs: clock.monotonicMs() + livesMs,
      askable: new Set(online),
      opening: new Set(),
      isSent: false,
      isOver: false,
      timers: [
        setTimeout(() => void die(one), livesMs),
        setTimeout(() => void end(one), unheardMs),
      ],
    }
    asked.set(one.id, one)
    for (const controller of online) lines.wake(controller)
  }

  return {
    /** Sends the controllers of a lock a command for an attempt, without waiting for them. */
    operate: async ({ id, lockId, decidedAtMs }: Permitted): Promise<void> => {
      if (asked.has(id) || (await operations.stateOf(id)) !== 'asked') return
      const online = onlineAt(lockId)
      if (online.length === 0 && !hasReplicas) {
        onCommand('offline')
        return settle(id, 'offline')
      }
      ask({ id, lockId, decidedAtMs }, online, commandMs)
    },

    /** Called after another process has committed: sends controllers that poll here what another replica has
     * permitted. */
    onForeignCommit: async (): Promise<void> => {
      const nowMs = clock.wallMs()
      for (const permitted of await operations.asked(nowMs - commandMs)) {
        const online = asked.has(permitted.id) ? [] : onlineAt(permitted.lockId)
        if (online.length > 0)
          ask(permitted, online, commandMs - Math.max(0, nowMs - permitted.decidedAtMs))
      }
    },

    /** Returns the commands for a controller, signed for the nonce of its poll. */
    take: async (
      { id, lockId }: Pick<Controller, 'id' | 'lockId'>,
      nonce: Uint8Array,
      key: () => Promise<DoorKey | undefined>,
    ): Promise<readonly Uint8Array[]> => {
      const now = clock.monotonicMs()
      const due = asked
        .values()
        .filter((one) => one.lockId === lockId && one.askable.has(id) && now < one.diesAtMs)
        .toArray()
        .toSorted((one, other) => Number(one.opening.has(id)) - Number(other.opening.has(id)))
        .slice(0, COMMANDS_PER_POLL_MAX)
      if (due.length === 0) return []
      const doorKey = await key()
      const permitted = await stillPermitted(due.map((one) => one.id))
      const commands: Uint8Array[] = []
      for (const one of due) {
        if (!permitted.has(one.id)) await withdraw(one)
        else if (doorKey && one.askable.has(id)) {
          if (hasReplicas && !one.isSent) await operations.noteSent(one.id)
          one.isSent = true
          one.opening.add(id)
          onCommand('sent')
          commands.push(await signed(one, nonce, doorKey))
        }
      }
      return commands
    },

    /** A controller has reported about an attempt; `isOver` if that is how it ended. */
    heard: (attemptId: string, controllerId: string, isOver: boolean): void => {
      const one = asked.get(attemptId)
      if (!one) return
      one.askable.delete(controllerId)
      if (!isOver) return
      one.opening.delete(controllerId)
      one.isOver ||= one.opening.size === 0
    },

    /** Returns true if no other controller can still open the lock for an attempt. */
    isLast: (attemptId: string, { id, lockId }: Pick<Controller, 'id' | 'lockId'>): boolean => {
      const one = asked.get(attemptId)
      // Too long ago to know which controllers had the command.
      if (!one) return controllersOf(lockId).every((other) => other === id)
      return one.askable.union(one.opening).isSubsetOf(new Set([id]))
    },

    stop: (): void => {
      for (const id of asked.keys().toArray()) forget(id)
    },
  }
}

/** The detail of an operation that no controller got, because the attempt was no longer permitted. */
const WITHDRAWN = 'withdrawn'
