import { type RefusalOf, UnsentError, send } from './send.ts'
import { type AddressRules, refusalOf } from './target-address.ts'

type Posting = Pick<
  Parameters<typeof send>[0],
  'url' | 'headers' | 'body' | 'signal' | 'resolve'
> & { readonly rules: AddressRules }

/** The response, with the beginning of its body as text. */
export type Posted = {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** How much of a response is read. */
const ANSWER_BYTES_MAX = 4096

/** Sends a POST request; see `send`. Throws an error whose message may be shown. */
export const post = async ({ rules, ...posting }: Posting): Promise<Posted> => {
  const refusal: RefusalOf = (address, port) => refusalOf(address, port, rules)
  try {
    const { status, headers, text } = await send({
      ...posting,
      method: 'POST',
      refusalOf: refusal,
      answerBytesMax: ANSWER_BYTES_MAX,
    })
    return { status, retryAfter: headers['retry-after'], text }
  } catch (error) {
    throw new Error(wordsOf(error, posting.signal), { cause: error })
  }
}

/** Returns the cause in words, for owners. */
const wordsOf = (error: unknown, signal: AbortSignal): string => {
  if (signal.aborted) return 'No answer within 15 seconds'
  if (error instanceof UnsentError) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code !== undefined && /CERT|SIGNATURE|ISSUER|TLS/.test(code))
    return `The certificate is not trusted (${code})`
  return code === undefined ? 'The connection failed' : `The connection failed (${code})`
}
