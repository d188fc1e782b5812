import { type RefusalOf, send } from '../../http/outgoing/send.ts'
import type { Answered, Ask } from '../request.ts'

/** Sends a request to a device of the home. Rejects without an answer; with UnsentError if nothing was sent. */
export type Reach = (ask: Ask, signal: AbortSignal) => Promise<Answered>

/** More of an answer is not read. */
const ANSWER_BYTES_MAX = 64 * 1024

/** Returns how to reach devices; see `send`. */
export const deviceReach =
  (refusalOf: RefusalOf): Reach =>
  async ({ body = '', ...ask }, signal) => {
    const { status, headers, text } = await send({
      ...ask,
      body,
      signal,
      refusalOf,
      answerBytesMax: ANSWER_BYTES_MAX,
    })
    return { status, body: text, challenge: headers['www-authenticate'] ?? null }
  }
