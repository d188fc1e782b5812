import {
  DECISION_REASONS,
  type DecisionReason,
  LOCK_REASONS,
  type LockReason,
} from '../domain/access.ts'
import type { Message, UnlockFacts } from '../domain/home-event.ts'
import { doorWords } from '../domain/text/door-words.ts'
import { dateWords, whyWords } from '../domain/text/grant-words.ts'
import { shownText } from '../domain/text/shown-text.ts'

/** A message in words. */
export type Notification = {
  /** The id of the message: the same at every attempt. */
  readonly id: string
  readonly event: Message['about']['event']
  /** One line. */
  readonly title: string
  readonly text: string
  /** A page of the console. */
  readonly link: string
  /** Whether it needs attention. */
  readonly isUrgent: boolean
  readonly createdAtMs: number
  /** The unlock or denial that it is about; undefined for other events. */
  readonly unlock: UnlockFacts | undefined
}

type Home = {
  /** The time zone of the home. */
  readonly zone: () => string
  /** The URL that links start with. */
  readonly linkBase: string
}

/** Limits on text and title, in bytes of UTF-8: ntfy accepts 4,096 bytes, and Telegram as many characters. */
const TEXT_BYTES_MAX = 3000
const TITLE_BYTES_MAX = 200

/** Returns a message in words, with times in the zone of the home. Control and invisible characters in names are made
 * visible. */
export const notificationOf = (message: Message, home: Home): Notification => {
  const { id, createdAtMs, about } = message
  const { title, text, page } = wordsOf(message, home)
  const { event } = about
  return {
    id,
    event,
    title: clipped(shownText(title), TITLE_BYTES_MAX),
    text: clipped(shownText(text), TEXT_BYTES_MAX),
    link: page.startsWith('/') ? home.linkBase + page : page,
    isUrgent: URGENT.has(event),
    createdAtMs,
    unlock: 'unlock' in about ? about.unlock : undefined,
  }
}

const URGENT: ReadonlySet<string> = new Set([
  'denied',
  'guest.problem',
  'controller.alarm',
  'controller.silent',
  'log.problem',
])

type Words = {
  readonly title: string
  readonly text: string
  /** The path or the URL of a page of the console. */
  readonly page: string
}

const wordsOf = ({ about, createdAtMs }: Message, { zone }: Home): Words => {
  switch (about.event) {
    case 'unlocked':
    case 'denied':
      return unlockWords(about.event, about.unlock, zone())
    case 'guest.opened':
      return unlockWords(about.event, about.unlock, zone())
    case 'guest.problem':
      return { title: 'A guest needs you', text: about.says, page: '/console/guests' }
    case 'controller.silent':
      return { title: 'A lock is offline', text: about.says, page: '/console/doors' }
    case 'controller.alarm':
      return { title: 'A lock needs you', text: about.says, page: '/console/doors' }
    case 'log.problem':
      return {
        title: 'The unlock log has a problem',
        text: about.says,
        page: '/console/security',
      }
    case 'account.waiting':
      return {
        title: 'A new account is waiting',
        text:
          about.count === 1
            ? '1 person is waiting to be let in.'
            : `${about.count} people are waiting to be let in.`,
        page: '/console/people',
      }
    case 'digest':
      return {
        title: 'What you missed',
        text: digestText(about, zone()),
        page: '/console/log',
      }
    case 'test':
      break
  }
  const time = timeWords(createdAtMs, createdAtMs, zone())
  return {
    title: 'Test notification',
    text: `Notifications from your home arrive here. Sent at ${time}.`,
    page: '/console',
  }
}

const TITLES = {
  unlocked: (who: string, door: string) => `${who} opened ${door}`,
  released: (who: string, door: string) => `The lock let ${who} in at ${door}`,
  denied: (who: string, door: string) => `${who} was refused at ${door}`,
  'guest.opened': (who: string, door: string) => `${who} was let in at ${door}`,
} as const

/** Returns who did it. Hosts choose the names of guests, which may be those of others in the home. */
const whoOf = (unlock: UnlockFacts, isFirst: boolean): string => {
  const { who, method, source } = unlock
  if (who === null) return isFirst ? 'Somebody' : 'somebody'
  const isGuest = method === 'guest' && (source === 'decided' || source === 'attested')
  return isGuest ? `${isFirst ? 'Guest' : 'guest'} ${who}` : who
}

const unlockWords = (
  event: 'unlocked' | 'denied' | 'guest.opened',
  unlock: UnlockFacts,
  zone: string,
): Words => {
  const isReleased = event === 'unlocked' && unlock.result === 'released'
  const who = whoOf(unlock, !isReleased)
  const door = doorWords(unlock.lock, unlock.lock_name)
  const receivedAtMs = Date.parse(unlock.received_at)
  const time = (at: string) => timeWords(Date.parse(at), receivedAtMs, zone)
  const method = unlock.method === null ? '' : `, by ${unlock.method}`
  const reason = event === 'denied' ? reasonWords(unlock.reason) : undefined
  return {
    title: TITLES[isReleased ? 'released' : event](who, door),
    text: [
      `At ${time(unlock.happened_at)}${method}.`,
      ...(reason === undefined ? [] : [reason]),
      ...(unlock.late ? [`Reported at ${time(unlock.received_at)}.`] : []),
    ].join(' '),
    page: unlock.receipt,
  }
}

const LOCK_REASON_WORDS: Readonly<Record<LockReason, string | undefined>> = {
  unspecified: undefined,
  invalid_credential: 'Wrong code, card or fingerprint.',
  disabled_user_denied: 'This user is disabled on the lock.',
  restricted: 'Not allowed at this time.',
  insufficient_battery: 'The lock’s battery was too low.',
}

/** An unknown reason was chosen by an app, and is quoted. */
const reasonWords = (reason: string | null): string | undefined => {
  if (reason === null) return undefined
  if (isOneOf(DECISION_REASONS, reason)) return whyWords(reason satisfies DecisionReason)
  return isOneOf(LOCK_REASONS, reason) ? LOCK_REASON_WORDS[reason] : `Reason: ${reason}.`
}

const isOneOf = <Word extends string>(words: readonly Word[], word: string): word is Word =>
  (words as readonly string[]).includes(word)

type Digest = Extract<Message['about'], { readonly event: 'digest' }>

/** Such as `7 openings and 1 refusal between 02:10 and 06:00.` */
const digestText = ({ unlocked, denied, others, dropped, fromMs, toMs }: Digest, zone: string) => {
  const [from, to] = [timeWords(fromMs, toMs, zone), timeWords(toMs, toMs, zone)]
  const when = from === to ? `at ${to}` : `between ${from} and ${to}`
  const counts = [
    counted(unlocked, 'opening'),
    counted(denied, 'refusal'),
    counted(others, unlocked + denied > 0 ? 'other event' : 'event'),
  ].filter((count) => count !== '')
  const summary = counts.length === 0 ? '' : `${listed(counts)} ${when}.`
  if (dropped === 0) return summary
  const more = counted(dropped, summary === '' ? 'event' : 'more event')
  const where = summary === '' ? ` ${when}` : ''
  return [
    summary,
    `${more}${where} ${dropped === 1 ? 'was' : 'were'} not sent, because too many were waiting; the log has them all.`,
  ]
    .filter(Boolean)
    .join(' ')
}

const counted = (count: number, what: string): string =>
  count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`

const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`

/** Returns a local time, with its date unless both times have the same date. */
const timeWords = (ms: number, besideMs: number, zone: string): string => {
  const [time, beside] = [ms, besideMs].map((one) =>
    Temporal.Instant.fromEpochMilliseconds(one)
      .toZonedDateTimeISO(zone)
      .toPlainDateTime()
      .toString({ smallestUnit: 'minute' }),
  ) as [string, string]
  const clock = time.slice(11, 16)
  return time.slice(0, 10) === beside.slice(0, 10) ? clock : `${dateWords(time, beside)} ${clock}`
}

/** Truncates text to a number of bytes of UTF-8. */
const clipped = (text: string, bytesMax: number): string => {
  if (Buffer.byteLength(text) <= bytesMax) return text
  const bytes = Buffer.from(text).subarray(0, bytesMax - Buffer.byteLength('…'))
  return `${new TextDecoder().decode(bytes, { stream: true })}…`
}
