import type { Observation, Turn } from './observation.ts'

/** A lock sends who turned it and the new state in separate messages. They belong together if they are at most this
 * far apart. */
const JOIN_MS = 10_000

/** Some locks report one turn twice, once without the person, in any order. */
const TWICE_MS = 2000

type Held = { readonly turn: Turn; readonly isConfirmed: boolean }

/** Turns that are not reported yet, oldest first, and recently reported ones with a person. */
export type Turns = { readonly held: readonly Held[]; readonly told: readonly Turn[] }

export const NO_TURNS: Turns = { held: [], told: [] }

/** More at a time are ignored as noise. */
const HELD_MAX = 20

const isNamed = ({ slot }: Turn): boolean => slot !== null
const areClose = (one: Turn, other: Turn): boolean => Math.abs(one.atMs - other.atMs) <= TWICE_MS

/** Adds a turn. One without a person and one with a person count as the same if they are close together; the person is
 * kept. */
export const addTurn = ({ held, told }: Turns, turn: Turn): Turns => {
  const near = [...told, ...held.map((known) => known.turn)].filter(
    (known) => isNamed(known) && areClose(known, turn),
  )
  const isKnown = isNamed(turn)
    ? near.some(({ slot, method }) => slot === turn.slot && method === turn.method)
    : near.length > 0
  if (isKnown) return { held, told }
  const same = held.filter((known) => !isNamed(known.turn) && areClose(known.turn, turn))
  const others = held.filter((known) => !same.includes(known))
  const isConfirmed = same.some((known) => known.isConfirmed)
  return { held: [...others, { turn, isConfirmed }].slice(-HELD_MAX), told }
}

/** Handles the state unlocked, which confirms the turns shortly before. */
export const confirmTurns = ({ held, told }: Turns, atMs: number): Turns => ({
  held: held.map(({ turn, isConfirmed }) => ({
    turn,
    isConfirmed: isConfirmed || atMs - turn.atMs <= JOIN_MS,
  })),
  told,
})

/** When to report a turn: at once if it has a person and the lock is unlocked; without a person, once no message with
 * one can follow; and otherwise when the state is overdue, since some locks do not send it. */
const dueMs = ({ turn, isConfirmed }: Held): number => {
  if (!isConfirmed) return turn.atMs + JOIN_MS
  return isNamed(turn) ? turn.atMs : turn.atMs + TWICE_MS
}

/** Returns the turns that are due as openings, and when the next one is due. */
export const dueTurns = (
  { held, told }: Turns,
  nowMs: number,
): { turns: Turns; opened: readonly Observation[]; wakeAtMs: number | null } => {
  const due = held.filter((known) => dueMs(known) <= nowMs).map(({ turn }) => turn)
  const rest = held.filter((known) => dueMs(known) > nowMs)
  return {
    turns: {
      held: rest,
      told: [...told, ...due].filter((turn) => isNamed(turn) && nowMs - turn.atMs <= JOIN_MS),
    },
    opened: due.map((turn) => ({ kind: 'opened', ...turn })),
    wakeAtMs: rest.length === 0 ? null : Math.min(...rest.map(dueMs)),
  }
}
