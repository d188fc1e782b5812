import { SECOND_MS } from '../domain/duration.ts'

/** The commands, as Home Assistant names them. */
const COMMANDS = ['lock', 'unlock', 'open'] as const
export type Command = (typeof COMMANDS)[number]

/** The maximum age of a command, and the most that its clock may be ahead of ours. */
const FRESH_MS = 10 * SECOND_MS
const PAYLOAD_CHARACTERS_MAX = 1000

type Given = { readonly payload: string; readonly isRetained: boolean; readonly atMs: number }

/** A command and the time when it was given, or why the message is ignored. */
export type ReadCommand =
  | { readonly command: Command; readonly givenAtMs: number }
  | { readonly fault: string }

/** Parses a command. One that is old or has no time is ignored, since brokers resend retained messages, and clients
 * queued ones. */
export const readCommand = ({ payload, isRetained, atMs }: Given): ReadCommand => {
  if (isRetained) return { fault: 'it is a retained message' }
  const { action, at } = payload.length > PAYLOAD_CHARACTERS_MAX ? {} : members(payload)
  const command = COMMANDS.find((known) => known === action)
  if (!command) return { fault: 'it names no action' }
  const givenAtMs = typeof at === 'string' && TIME.test(at) ? Date.parse(at) : Number.NaN
  if (Number.isNaN(givenAtMs)) return { fault: 'it does not say when it was given' }
  if (Math.abs(atMs - givenAtMs) > FRESH_MS)
    return {
      fault: `it was given at ${at as string}, and now it is ${new Date(atMs).toISOString()}`,
    }
  return { command, givenAtMs }
}

/** RFC 3339, as Home Assistant writes it: with up to six decimals. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

const members = (payload: string): { readonly action?: unknown; readonly at?: unknown } => {
  try {
    const value: unknown = JSON.parse(payload)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
