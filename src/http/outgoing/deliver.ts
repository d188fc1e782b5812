import { SECOND_MS } from '../../domain/duration.ts'
import type { SendResult } from '../../domain/home-event.ts'
import { post } from './post.ts'

type Delivering = Parameters<typeof post>[0] & {
  readonly nowMs: number
  /** Texts that must not be in what is kept of an answer, such as a token that a receiver repeats. */
  readonly secrets?: readonly string[]
  /** Returns what the text of a refusal asks to wait, in milliseconds, where a service does not use `Retry-After`. */
  readonly retryAfterMs?: (text: string) => number | undefined
}

/** Tells a receiver something by a POST request. 2xx is success, 410 (Gone) is for good, and everything else a
 * failure. Never rejects for anything that the receiver does. */
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
    return { status: 'failed', answer: error instanceof Error ? error.message : 'It failed' }
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
