import { SECOND_MS } from '../../domain/duration.ts'
import type { SendResult } from '../../domain/home-event.ts'
import { post } from './post.ts'

type Delivering = Parameters<typeof post>[0] & {
  readonly nowMs: number
  /** Text to remove from the stored answer, such as a token that the receiver repeats. */
  readonly secrets?: readonly string[]
  /** Returns the wait that an error body asks for, in milliseconds, for services that do not send `Retry-After`. */
  readonly retryAfterMs?: (text: string) => number | undefined
}

/** Delivers a message by POST. 2xx is a success, 410 (Gone) is permanent, and anything else is a failure. Never rejects
 * because of the receiver. */
export const deliverByPost = async ({
  nowMs,
  secrets = [],
  retryAfterMs = () => undefined,
  ...posting
}: Delivering): Promise<SendResult> => {
  try {
    const { status: code, retryAfter, text } = await post(posting)
    const answer = withoutSecrets(text, secrets)
      .replaceAll(/\p{Cc}+/gu, ' ')
      .trim()
    if (code >= 200 && code < 300) return { status: 'delivered', code, answer }
    if (code === 410) return { status: 'gone', code, answer }
    const askedMs =
      retryAfter === undefined ? retryAfterMs(text) : retryAfterMsOf(retryAfter, nowMs)
    return {
      status: 'failed',
      code,
      answer,
      ...(askedMs === undefined ? {} : { retryAfterMs: askedMs }),
    }
  } catch (error) {
    return {
      status: 'failed',
      answer: error instanceof Error ? error.message : 'The request failed',
    }
  }
}

const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets
    .filter((secret) => secret !== '')
    .reduce((kept, secret) => kept.replaceAll(secret, '…'), text)

/** Returns what `Retry-After` asks for (RFC 9110 section 10.2.3), in milliseconds. */
const retryAfterMsOf = (text: string, nowMs: number): number | undefined => {
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND_MS
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : Math.max(0, ms - nowMs)
}
