import { type Attempt, type Decision, type Door, Refusal, call } from './api.ts'
import { knock } from './device-key.ts'
import { store, stored } from './storage.ts'

type Asked = {
  readonly id: string
  readonly lock: string
  readonly statement?: string | undefined
  /** When it was first sent, by this phone's clock. */
  readonly atMs: number
}

export type Answered = Decision & {
  readonly id: string
  /** How long ago it was asked, if the answer was lost then. */
  readonly ageMs: number
}

const KEPT = 'attempt'

/** Asks to open a door. As long as the answer is missing, the same attempt is sent again, so that the door never opens
 * twice for it. Throws `Refusal` or `NoConnection`. */
export const askToOpen = async (door: Door): Promise<Answered> => {
  const attempt = unanswered(door) ?? (await newAttempt(door))
  store(KEPT, JSON.stringify(attempt))
  try {
    const { id, lock, statement } = attempt
    const decision = await call<Decision>('POST', 'unlock', { id, lock, statement })
    store(KEPT, undefined)
    return { ...decision, id, ageMs: decision.repeat ? Date.now() - attempt.atMs : 0 }
  } catch (error) {
    // After an error of the gateway, it may have been decided.
    if (error instanceof Refusal && error.status < 500) store(KEPT, undefined)
    throw error
  }
}

const unanswered = ({ lock }: Door): Asked | undefined => {
  const kept = JSON.parse(stored(KEPT) ?? 'null') as Asked | null
  return kept?.lock === lock ? kept : undefined
}

const newAttempt = async (door: Door): Promise<Asked> => {
  const id = randomId()
  return { id, lock: door.lock, statement: await knock(door, id), atMs: Date.now() }
}

/** How long the gateway waits for news of the lock, in seconds. */
const WAIT_SECONDS = 10
const PAUSE_MS = 500

/** A little longer than a lock has to answer. */
const FOLLOW_MS_MAX = 35_000

/** Tells what becomes of a permitted attempt at the lock, until that is settled. */
export const follow = async (
  { id, delivery }: Answered,
  onNews: (news: Attempt) => void,
): Promise<void> => {
  let news: Attempt = { delivery, result: null, failure: null }
  onNews(news)
  const endsAtMs = performance.now() + FOLLOW_MS_MAX
  while (isOpen(news) && performance.now() < endsAtMs) {
    try {
      news = await call<Attempt>('GET', `attempts/${id}?wait=${WAIT_SECONDS}`)
      onNews(news)
    } catch (error) {
      // The pass was revoked. After anything else, the next one may arrive.
      if (error instanceof Refusal && error.status === 401) break
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  if (isOpen(news) && news.delivery === 'asked') onNews({ ...news, result: 'unheard' })
}

/** Whether more may be known later. */
const isOpen = ({ delivery, result }: Attempt): boolean =>
  result === null && (delivery === 'asked' || delivery === 'accepted')

/** Returns a random UUID (RFC 9562, version 4), also over plain HTTP, where browsers offer none. */
const randomId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
