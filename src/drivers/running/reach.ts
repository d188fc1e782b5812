import { type RefusalOf, send } from '../../http/outgoing/send.ts'
import type { Answered, Ask } from '../request.ts'

/** Sends a request to a device. Rejects if there is no response; with UnsentError if nothing was sent. */
export type Reach = (ask: Ask, signal: AbortSignal) => Promise<Answered>

/** How much of a response is read. */
const ANSWER_BYTES_MAX = 64 * 1024

/** Returns a function that sends requests to devices; see `send`. */
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
