import type { Config } from '../config/config.ts'
import type { MqttAddress } from '../config/parsers.ts'
import type { BrokerMessage } from '../domain/broker.ts'
import type { Clock } from '../domain/clock.ts'
import { SECOND_MS } from '../domain/duration.ts'
import type { Rule, UnlockFacts } from '../domain/home-event.ts'
import { linkBase } from '../http/connection/public-url.ts'
import type { Logger } from '../http/log/logger.ts'
import type { Database } from '../storage/database.ts'
import { databaseOfLeader } from '../storage/unit-of-work.ts'
import { announcer } from './announcer.ts'
import { mqttChannel } from './channel.ts'
import { openLink } from './link.ts'
import { gatewayId, lastUnlocks } from './memory.ts'
import type { LogHealth } from './messages.ts'
import { type Operate, commandListener } from './operate.ts'
import {
  type BoltStatus,
  type HomeLock,
  type LastUnlock,
  retainedMessages,
  shownState,
} from './retained.ts'
import { topicsOf } from './topics.ts'
import { rememberedFacts } from './visit.ts'

export type MqttSettings = Pick<
  Config,
  | 'mqttCaFile'
  | 'mqttTopic'
  | 'mqttDiscovery'
  | 'mqttNames'
  | 'publicUrl'
  | 'host'
  | 'port'
  | 'tlsCertFile'
>

/** Functions that read the state of the home. */
export type HomeFacts = {
  readonly locks: () => Promise<readonly HomeLock[]>
  /** Returns an unlock or a denial as it is now. */
  readonly unlockFacts: (seq: number) => Promise<UnlockFacts | undefined>
  readonly logSize: () => Promise<number>
  readonly logHealth: () => Promise<LogHealth>
  /** Returns the state of a lock with a driver; undefined for others. */
  readonly stateOf: (label: string) => BoltStatus | undefined
}

/** How often the home is checked for changes, which other processes make too. */
const LOOK_MS = 5 * SECOND_MS

/** Returns a function that computes the wanted retained messages. */
export const wantedMessages = ({ topics, version, config, home, last }: Wanted) => {
  const base = linkBase(config)
  const page = /^https?:/.test(base) ? `${base}/` : undefined
  return async (): Promise<ReadonlyMap<string, string>> => {
    const locks = await home.locks()
    const unlocks = new Map<string, LastUnlock>()
    const states = new Map<string, string>()
    for (const { label } of locks) {
      const { seq, isLate = false } = last().get(label) ?? {}
      const unlock = seq === undefined ? undefined : await home.unlockFacts(seq)
      if (unlock) unlocks.set(label, { unlock, isLate })
      const status = home.stateOf(label)
      if (status) states.set(label, shownState(status))
    }
    return retainedMessages({
      topics,
      version,
      page,
      hasDiscovery: config.mqttDiscovery !== 'off',
      hasNames: config.mqttNames === 'on',
      locks,
      last: unlocks,
      log: await home.logHealth(),
      states,
    })
  }
}

type Wanted = {
  readonly topics: ReturnType<typeof topicsOf>
  readonly version: string
  readonly config: MqttSettings
  readonly home: HomeFacts
  readonly last: ReturnType<typeof lastUnlocks>['all']
}

type Dependencies = {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly config: MqttSettings
  readonly address: MqttAddress
  readonly version: string
  readonly home: HomeFacts
  readonly operate: Operate
  /** Called when waiting events can be sent. */
  readonly onReady: () => void
}

/** Opens the connection to the broker: announces the locks to Home Assistant, sends it unlocks, and receives its
 * commands. */
export const openMqtt = async (deps: Dependencies) => {
  const { db, clock, logger, config, address, version, home, operate, onReady } = deps
  const topics = topicsOf({ ...config, gid: await gatewayId({ db }) })
  const link = openLink({
    address,
    caFile: config.mqttCaFile,
    clientId: `secure-lock-${topics.gid}`,
    will: { topic: topics.status, payload: 'offline' },
    clock,
    logger,
  })
  const last = lastUnlocks({ db: databaseOfLeader(db) })
  const announced = announcer({
    broker: link,
    wanted: wantedMessages({ topics, version, config, home, last: last.all }),
  })
  const logged = (work: Promise<void>): void =>
    void work.catch((error: unknown) => logger.warn({ err: error }, 'not announced'))
  const announce = (): void => {
    logged(announced.announce())
    onReady()
  }
  const channel = mqttChannel({
    link,
    topics,
    hasNames: config.mqttNames === 'on',
    clock,
    logSize: home.logSize,
    isAnnounced: async (label) =>
      (await home.locks()).some((lock) => lock.label === label && !lock.isRetired),
    noteLast: (label, unlock) => {
      last.note(label, unlock, clock.wallMs())
      logged(announced.refresh())
    },
  })
  /** Clears outdated retained messages of this gateway from the broker. */
  const find = ({ topic, payload, isRetained }: BrokerMessage): void => {
    if (!isRetained || payload === '') return
    announced.found(topic)
    logged(announced.refresh())
  }
  const watched = new Set<string>()
  const subscriptions: (() => void)[] = []
  const subscribe: typeof link.subscribe = (filter, listener) => {
    const unsubscribe = link.subscribe(filter, listener)
    subscriptions.push(unsubscribe)
    return unsubscribe
  }
  const look = async (): Promise<void> => {
    for (const { label, isRetired } of await home.locks()) {
      if (!isRetired || watched.has(label)) continue
      watched.add(label)
      subscribe(topics.config(label), find)
    }
    await announced.refresh()
  }
  let next: Timer | undefined

  /** Closes the connection; `begin` opens it again. */
  const end = async (): Promise<void> => {
    clearInterval(next)
    watched.clear()
    await last.saved()
    await link[Symbol.asyncDispose]()
    for (const unsubscribe of subscriptions.splice(0)) unsubscribe()
  }

  return {
    link,

    /** The channel and default rules of the broker as a target. */
    channel,
    rules: [{ on: 'unlocked' }, { on: 'denied' }] satisfies readonly Rule[],

    /** Returns facts about the broker that are at most a minute old. */
    facts: rememberedFacts({ address, caFile: config.mqttCaFile }, clock.monotonicMs),

    /** Publishes what has changed. */
    refresh: (): void => logged(announced.refresh()),

    /** Starts connecting, and checking the home for changes. */
    begin: async (): Promise<void> => {
      await last.read()
      subscribe(topics.anyCommand, commandListener({ topics, operate, logger }))
      subscribe(topics.announce, announce)
      if (config.mqttDiscovery !== 'off')
        subscribe(topics.birth, ({ payload }) => void (payload === 'online' && announce()))
      for (const filter of [topics.last('+'), topics.state('+')]) subscribe(filter, find)
      subscriptions.push(link.onConnect(announce))
      link.begin()
      logged(look())
      next = setInterval(() => logged(look()), LOOK_MS)
      next.unref()
    },

    end,
    [Symbol.asyncDispose]: end,
  }
}
