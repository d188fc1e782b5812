import type { Observation } from './observation.ts'

/** A request to a device or service in the home. */
export type Ask = {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The response. */
export type Answered = {
  readonly status: number
  readonly body: string
  /** The header `WWW-Authenticate`. */
  readonly challenge: string | null
}

/** A driver for locks that use HTTP. Pure. */
export type RequestDriver = {
  /** The command that opens the lock. It is sent once. */
  readonly open: Ask
  readonly heardOpen: (answer: Answered) => readonly Observation[]
  /** Requests the state. */
  readonly status: Ask
  readonly heardStatus: (answer: Answered) => readonly Observation[]
  /** True if the response to `open` says nothing about the lock. Its state is then requested before the command, and
   * after it until it changes. */
  readonly watchesState: boolean
  /** Returns a refused request with the answer to its challenge; undefined if there is none. A refused request did
   * nothing, so this is not a second command. `cnonce` is a random client nonce. */
  readonly prove?: (ask: Ask, challenge: string, cnonce: string) => Ask | undefined
}
