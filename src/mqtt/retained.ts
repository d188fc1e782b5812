import type { UnlockFacts } from '../domain/home-event.ts'
import { discoveryJson } from './discovery.ts'
import { type LogHealth, lastJson } from './messages.ts'
import type { Topics } from './topics.ts'

export type HomeLock = {
  readonly label: string
  readonly name: string
  readonly isRetired: boolean
}

/** The status of a lock with a driver. */
export type BoltStatus = {
  /** Null if unknown. */
  readonly state:
    | 'locked'
    | 'unlocked'
    | 'locking'
    | 'unlocking'
    | 'opening'
    | 'open'
    | 'jammed'
    | null
  /** Null if unknown; not every lock reports it. */
  readonly isOnline: boolean | null
}

/** Returns the state of a lock as Home Assistant names it; `None` means unknown. */
export const shownState = ({ state, isOnline }: BoltStatus): string =>
  state === null || isOnline === false ? 'None' : state.toUpperCase()

type Home = {
  readonly topics: Topics
  readonly version: string
  readonly page: string | undefined
  readonly hasDiscovery: boolean
  readonly hasNames: boolean
  readonly locks: readonly HomeLock[]
  /** The last unlock of each lock, by its label. */
  readonly last: ReadonlyMap<string, LastUnlock>
  readonly log: LogHealth
  /** The state of each lock with a driver, by its label. */
  readonly states: ReadonlyMap<string, string>
}

export type LastUnlock = { readonly unlock: UnlockFacts; readonly isLate: boolean }

/** Returns the wanted retained messages, by topic. Devices come before their states. */
export const retainedMessages = (home: Home): ReadonlyMap<string, string> => {
  const { topics } = home
  const locks = home.locks.filter(({ isRetired }) => !isRetired)
  const messages = new Map<string, string>()
  for (const lock of home.hasDiscovery ? locks : [])
    messages.set(topics.config(lock.label), deviceOf(home, lock))
  messages.set(topics.status, 'online')
  messages.set(topics.log, JSON.stringify(home.log))
  for (const { label } of locks) {
    const [last, state] = [home.last.get(label), home.states.get(label)]
    if (last) messages.set(topics.last(label), JSON.stringify(lastJson({ ...home, ...last })))
    if (state !== undefined) messages.set(topics.state(label), state)
  }
  return messages
}

const deviceOf = ({ topics, version, page, states }: Home, lock: HomeLock): string =>
  JSON.stringify(discoveryJson({ topics, lock, version, page, isOperated: states.has(lock.label) }))

/** Returns the topics that may have retained messages about these locks. */
export const retainedTopics = (topics: Topics, labels: readonly string[]): readonly string[] => [
  ...labels.map((label) => topics.config(label)),
  topics.status,
  topics.log,
  ...labels.flatMap((label) => [topics.last(label), topics.state(label)]),
]
