import type {
  AttemptResult,
  DecisionReason,
  Delivery,
  FailureReason,
} from '../../../../domain/access.ts'
import type { GuestPassJson } from '../../../visit/schema.ts'

/** What a guest sees of a pass. */
export type Pass = GuestPassJson
export type Door = Pass['doors'][number]

export type Decision = {
  readonly decision: 'permitted' | 'denied'
  readonly reason: DecisionReason | null
  readonly next_at: string | null
  readonly repeat: boolean
  readonly delivery: Delivery
}

export type Attempt = {
  readonly delivery: Delivery
  readonly result: AttemptResult | null
  readonly failure: FailureReason | null
}

/** The gateway refused. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(`${status} ${code}`)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

/** The gateway did not answer, or something else answered for it. */
export class NoConnection extends Error {}

/** The longest time for an answer, in milliseconds; requests that wait for news take ten seconds of it. */
const ANSWER_MS_MAX = 15_000

let clockOffsetMs = 0

/** The time by the gateway's clock; that of a phone may be wrong. */
export const houseNowMs = (): number => Date.now() + clockOffsetMs

/** Calls the gateway. Throws `Refusal` or `NoConnection`. */
export const call = async <Answer>(
  method: 'GET' | 'POST',
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<Answer> => {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), ANSWER_MS_MAX)
  try {
    const answer = await fetch(`/v1/guest/${path}`, {
      method,
      signal: abort.signal,
      ...(body && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
    const sentAtMs = Date.parse(answer.headers.get('date') ?? '')
    if (!Number.isNaN(sentAtMs)) clockOffsetMs = sentAtMs - Date.now()
    const content = (await answer.json()) as Answer & { readonly code?: string }
    if (!answer.ok) throw new Refusal(answer.status, content.code ?? '')
    return content
  } catch (error) {
    throw error instanceof Refusal ? error : new NoConnection()
  } finally {
    clearTimeout(timer)
  }
}

/** Returns what a promise resolves to, or undefined if the gateway refused with one of these statuses. */
export const unless = async <Answer>(
  statuses: readonly number[],
  answer: Promise<Answer>,
): Promise<Answer | undefined> => {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Refusal && statuses.includes(error.status)) return undefined
    throw error
  }
}

/** What a person reads of an error. */
export const errorWords = (error: unknown): string => {
  if (error instanceof NoConnection) return 'No connection to the house. Are you on its Wi-Fi?'
  if (!(error instanceof Refusal)) return 'Something went wrong on this page. Reload it.'
  if (error.status === 401 || error.status === 404) return 'This pass is no longer valid.'
  if (error.code === 'pass_ended') return 'This pass has ended.'
  if (error.status === 429) return 'Too many tries. Wait a minute, and try again.'
  return error.status === 503
    ? 'Nothing can be recorded right now, so nobody is let in. Try again in a moment.'
    : 'Something went wrong at the house. Try again.'
}
