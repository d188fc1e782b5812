import { type Clock, REPLICAS_APART_MS_MAX } from '../../domain/clock.ts'
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
  /** Stores how an operation ended, unless its end is known, or `state` says that nothing happened although a
   * controller has the command. Returns true if it was stored. */
  readonly settle: (
    attemptId: string,
    state: 'offline' | 'failed' | 'unknown',
    detail?: string,
  ) => Promise<boolean>
}

/** What other replicas of the home do, as stored on the server. */
export type Elsewhere = {
  /** Returns true if a controller of a lock polls any replica. */
  readonly isOnline: (lockId: string) => Promise<boolean>
  /** Returns the attempts that any replica has permitted since a time, and whose outcome is not known. */
  readonly open: (sinceMs: number) => Promise<readonly Permitted[]>
  /** Stores that a controller gets the commands for attempts. Returns the attempts that may still open their locks, and
   * that no other replica has recorded as delivered to nobody. */
  readonly claim: (attemptIds: readonly string[]) => Promise<ReadonlySet<string>>
  /** Returns what a controller has reported about attempts, to any replica, since a time. */
  readonly heard: (controllerId: string, sinceMs: number) => Promise<readonly Heard[]>
}

/** A report about an attempt; `isOver` if it says how the attempt ended. */
type Heard = { readonly attemptId: string; readonly isOver: boolean }

/** An attempt that was just permitted. */
export type Permitted = {
  readonly id: string
  readonly lockId: string
  readonly decidedAtMs: number
}

type Dependencies = {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly lines: Pick<Lines, 'isOnline' | 'wake'>
  readonly operations: Operations
  /** Undefined if this process is the only one. */
  readonly elsewhere?: Elsewhere | undefined
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
  /** Controllers that have reported. */
  readonly heard: Set<string>
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
 * poll, until it has reported about the attempt or the command dies: so an answer that got lost, or that somebody with
 * a stolen token took, keeps no door shut. Controllers act on an attempt once. */
export const commandQueue = (deps: Dependencies) => {
  const { clock, lines, operations, controllersOf, stillPermitted, onCommand, onError } = deps
  const { commandMs = COMMAND_MS, unheardMs = UNHEARD_MS, elsewhere } = deps
  const asked = new Map<string, Asked>()
  /** Attempts from before the start whose age is not known. */
  const old = new Set<string>()

  const forget = (attemptId: string): void => {
    for (const timer of asked.get(attemptId)?.timers ?? []) clearTimeout(timer)
    asked.delete(attemptId)
  }

  /** Stores how an operation ended. Only the replica that stored it counts it. */
  const settle = async (
    attemptId: string,
    outcome: 'offline' | 'withdrawn' | 'unheard',
  ): Promise<void> => {
    try {
      const [state, detail] = ENDS[outcome]
      if (await operations.settle(attemptId, state, detail)) onCommand(outcome)
    } catch (error) {
      onError(error)
    }
  }

  const die = async (one: Asked): Promise<void> => {
    one.askable.clear()
    if (one.isSent) return
    forget(one.id)
    await settle(one.id, 'offline')
  }

  const withdraw = async (one: Asked): Promise<void> => {
    one.askable.clear()
    // A controller that has it already will say what happened.
    if (one.isSent) return onCommand('withdrawn')
    forget(one.id)
    await settle(one.id, 'withdrawn')
  }

  const end = async ({ id, isOver }: Asked): Promise<void> => {
    forget(id)
    if (!isOver) await settle(id, 'unheard')
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

  const begin = ({ id, lockId, decidedAtMs }: Permitted, ageMs: number): Asked => {
    const livesMs = commandMs - ageMs
    const one: Asked = {
      id,
      lockId,
      decidedAtMs,
      diesAtMs: clock.monotonicMs() + livesMs,
      askable: new Set(),
      opening: new Set(),
      heard: new Set(),
      isSent: false,
      isOver: false,
      timers: [
        setTimeout(() => void die(one), livesMs),
        setTimeout(() => void end(one), unheardMs - ageMs),
      ],
    }
    asked.set(id, one)
    return one
  }

  /** Offers the command for an attempt to these controllers at their polls, unless they have reported on it. */
  const ask = (permitted: Permitted, online: readonly string[], ageMs = 0): void => {
    const one = asked.get(permitted.id) ?? begin(permitted, ageMs)
    for (const controller of online) if (!one.heard.has(controller)) one.askable.add(controller)
  }

  const wake = (controllers: Iterable<string>): void => {
    for (const controller of controllers) lines.wake(controller)
  }

  const heard = (attemptId: string, controllerId: string, isOver: boolean): void => {
    const one = asked.get(attemptId)
    if (!one) return
    one.heard.add(controllerId)
    one.askable.delete(controllerId)
    if (!isOver) return
    one.opening.delete(controllerId)
    one.isOver ||= one.opening.size === 0
  }

  /** Takes in what controllers with commands here have reported to other replicas. */
  const hearElsewhere = async ({ heard: reported }: Elsewhere): Promise<void> => {
    const sinceMs = new Map<string, number>()
    for (const { askable, opening, decidedAtMs } of asked.values())
      for (const id of askable.union(opening))
        sinceMs.set(id, Math.min(decidedAtMs, sinceMs.get(id) ?? Infinity))
    for (const [id, fromMs] of sinceMs)
      for (const { attemptId, isOver } of await reported(id, fromMs)) heard(attemptId, id, isOver)
  }

  /** Returns which of these attempts are still permitted, so that a controller may get their commands now. */
  const claimed = async (due: readonly Asked[]): Promise<ReadonlySet<string>> => {
    const ids = due.map(({ id }) => id)
    return elsewhere && due.some(({ isSent }) => !isSent)
      ? elsewhere.claim(ids)
      : stillPermitted(ids)
  }

  return {
    /** Called when the service starts. After a failover, the clock may be behind, so that attempts from before look as if
     * they were yet to come: of these, nobody gets commands any more. */
    begin: async (): Promise<void> => {
      for (const { id } of (await elsewhere?.open(clock.wallMs() + REPLICAS_APART_MS_MAX)) ?? [])
        old.add(id)
    },

    /** Sends the controllers of a lock a command for an attempt, without waiting for them. */
    operate: async ({ id, lockId, decidedAtMs }: Permitted): Promise<void> => {
      if (asked.has(id) || (await operations.stateOf(id)) !== 'asked') return
      const online = onlineAt(lockId)
      if (online.length === 0 && !(await elsewhere?.isOnline(lockId))) return settle(id, 'offline')
      ask({ id, lockId, decidedAtMs }, online)
      wake(online)
    },

    /** Sends the controllers that poll here the commands for attempts that any replica has permitted, until they have
     * reported to any replica. Called after another replica has committed, and when a controller begins to poll
     * here. */
    refresh: async (): Promise<void> => {
      if (!elsewhere) return
      const nowMs = clock.wallMs()
      const due = new Set<string>()
      for (const permitted of await elsewhere.open(nowMs - commandMs)) {
        if (old.has(permitted.id)) continue
        const online = onlineAt(permitted.lockId)
        if (online.length > 0) ask(permitted, online, Math.max(0, nowMs - permitted.decidedAtMs))
        for (const controller of online) due.add(controller)
      }
      await hearElsewhere(elsewhere)
      wake(due)
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
      if (!doorKey) return []
      const permitted = await claimed(due)
      const commands: Uint8Array[] = []
      for (const one of due) {
        if (!permitted.has(one.id)) await withdraw(one)
        else if (one.askable.has(id)) {
          one.isSent = true
          one.opening.add(id)
          onCommand('sent')
          commands.push(await signed(one, nonce, doorKey))
        }
      }
      return commands
    },

    /** A controller has reported about an attempt; `isOver` if that is how it ended. */
    heard,

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

/** How an operation without a report ends. `offline` and `withdrawn`: no controller got the command, because none was
 * online or the attempt was no longer permitted. `unheard`: a controller got it, and the outcome is unknown. */
const ENDS = {
  offline: ['offline', undefined],
  withdrawn: ['failed', 'withdrawn'],
  unheard: ['unknown', undefined],
} as const
