import type { Published } from '../domain/broker.ts'
import type { Clock } from '../domain/clock.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/duration.ts'
import type { Channel, Message, SendResult, UnlockFacts } from '../domain/home-event.ts'
import type { Link } from './link.ts'
import { deniedJson, guestJson, noticeJson, unlockedJson } from './messages.ts'
import type { Remembered } from './memory.ts'
import type { Topics } from './topics.ts'

type Dependencies = {
  readonly link: Pick<Link, 'publish' | 'isConnected' | 'settlesInMs'>
  readonly topics: Topics
  readonly hasNames: boolean
  readonly clock: Pick<Clock, 'wallMs'>
  /** How many leaves the unlock log has. */
  readonly logSize: () => Promise<number>
  /** Whether a lock is announced; events of others have no subscribers. */
  readonly isAnnounced: (label: string) => Promise<boolean>
  readonly noteLast: (label: string, unlock: Remembered) => void
}

/** After an hour or a hundred events an unlock is marked as late: automations should no longer act on it. */
const FRESH_MS = HOUR_MS
const FRESH_EVENTS = 100

/** After a day or a thousand events it is not sent as an event; it may still be the last unlock. */
const SENT_MS = DAY_MS
const SENT_EVENTS = 1000

/** Waits between attempts while there is no subscriber or no broker, for longer than any event is sent at all. */
const RETRIES_MS = [
  ...[1, 2, 4, 8, 16, 32].map((seconds) => seconds * SECOND_MS),
  ...Array.from({ length: (7 * DAY_MS) / MINUTE_MS }, () => MINUTE_MS),
]

/** Publishes events to Home Assistant and other subscribers. An event is delivered once a subscriber has received it,
 * as far as the broker reports that. */
export const mqttChannel = ({ link, topics, hasNames, ...deps }: Dependencies): Channel => {
  const { clock, logSize, isAnnounced, noteLast } = deps

  const ageOf = async ({ seq, happened_at: happenedAt }: UnlockFacts) => {
    const ms = clock.wallMs() - Date.parse(happenedAt)
    const events = (await logSize()) - 1 - seq
    return {
      isLate: ms > FRESH_MS || events > FRESH_EVENTS,
      isOver: ms > SENT_MS || events > SENT_EVENTS,
    }
  }

  const publish = async (
    event: Message['about']['event'],
    topic: string,
    payload: object,
  ): Promise<SendResult> => {
    const published = await link.publish(topic, JSON.stringify(payload))
    // Home Assistant does not know these topics, so no message may wait for a subscriber.
    return published === 'unheard' && !ANNOUNCED.has(event) && link.isConnected()
      ? { status: 'delivered', answer: 'The broker accepted it, but has no subscriber' }
      : resultOf(published)
  }

  const sendEvent = async (
    event: keyof typeof EVENTS,
    unlock: UnlockFacts,
  ): Promise<SendResult> => {
    const { lock, seq, happened_at: happenedAt } = unlock
    if (!(await isAnnounced(lock))) return { status: 'delivered', answer: 'There is no such lock' }
    if (!link.isConnected()) return failed('No connection to the broker')
    const { isLate, isOver } = await ageOf(unlock)
    const settlesInMs = isOver ? 0 : link.settlesInMs()
    if (settlesInMs > 0) return failed('Waiting for subscribers to reconnect', settlesInMs)
    const shown = { unlock, hasNames, isLate }
    const { topic, json } = EVENTS[event]
    const outcome: SendResult = isOver
      ? { status: 'delivered', answer: 'Too old to be sent as an event' }
      : await publish(event, topics[topic](lock), json(shown))
    if (event === 'unlocked') noteLast(lock, { seq, happenedAtMs: Date.parse(happenedAt), isLate })
    return outcome
  }

  const send = async ({
    about,
    createdAtMs: atMs,
  }: Parameters<Channel['send']>[1]): Promise<SendResult> => {
    switch (about.event) {
      case 'unlocked':
      case 'denied':
      case 'guest.opened':
        return sendEvent(about.event, about.unlock)
      case 'guest.problem':
      case 'controller.silent':
      case 'controller.alarm':
        return link.isConnected()
          ? publish(about.event, topics.notices, noticeJson({ ...about, atMs, hasNames }))
          : failed('No connection to the broker')
      case 'log.problem':
      case 'account.waiting':
      case 'digest':
        // The topic of the log shows its problems, and the rest has no subscribers.
        return { status: 'delivered', answer: 'Not sent by MQTT' }
      case 'test':
        break
    }
    const published = await link.publish(topics.status, 'online', { retain: true })
    return published === 'unheard' && link.isConnected()
      ? { status: 'delivered', answer: 'The broker accepted it, but has no subscriber' }
      : resultOf(published)
  }

  return {
    send: (_target, message, signal) => Promise.race([send(message), abortion(signal)]),
    retriesMs: RETRIES_MS,
    freshMs: undefined,
    givesUp: false,
  }
}

const EVENTS = {
  unlocked: { topic: 'unlocks', json: unlockedJson },
  denied: { topic: 'denials', json: deniedJson },
  'guest.opened': { topic: 'guests', json: guestJson },
} as const

/** The events that Home Assistant has entities for. */
const ANNOUNCED: ReadonlySet<string> = new Set(['unlocked', 'denied'])

const failed = (answer: string, retryAfterMs?: number): SendResult => ({
  status: 'failed',
  answer,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})

const resultOf = (published: Published): SendResult => {
  if (published === 'heard') return { status: 'delivered' }
  return failed(
    published === 'unheard'
      ? 'The broker has no subscriber for it'
      : 'The broker refused it, or the connection broke',
  )
}

const abortion = (signal: AbortSignal): Promise<SendResult> =>
  new Promise((resolve) => {
    const end = () => resolve(failed('The broker did not answer in time'))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
