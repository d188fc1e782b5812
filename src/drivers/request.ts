import type { Observation } from './observation.ts'

/** A request to a device or to a service of the home. */
export type Ask = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The answer to it. */
export type Answered = {
  readonly status: number
  readonly body: string
  /** The header `WWW-Authenticate`. */
  readonly challenge: string | null
}

/** How a kind of lock speaks by HTTP. Pure. */
export type RequestDriver = {
  /** The command that opens the lock. It is sent once. */
  readonly open: Ask
  readonly heardOpen: (answer: Answered) => readonly Observation[]
  /** Asks for the state. */
  readonly status: Ask
  readonly heardStatus: (answer: Answered) => readonly Observation[]
  /** True if the answer to `open` says nothing about the lock: its state is asked for before, and after it until
   * it changes. */
  readonly watchesState: boolean
  /** Returns a request that was refused, with the proof that the challenge asks for; undefined if it cannot be
   * given. A refused request did nothing, so this is no second command. `cnonce` is a random text. */
  readonly prove?: (ask: Ask, challenge: string, cnonce: string) => Ask | undefined
}
