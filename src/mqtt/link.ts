import { isIP } from 'node:net'
import { readFileSync } from 'node:fs'
import type { MqttClient } from 'mqtt'
import type { MqttAddress } from '../config/parsers.ts'
import type { Broker, BrokerMessage, Published } from '../domain/broker.ts'
import type { Clock } from '../domain/clock.ts'
import { MINUTE_MS, SECOND_MS } from '../domain/duration.ts'
import { backOffMs } from './back-off.ts'
import { isMatch } from './topics.ts'

export type LinkOptions = {
  readonly address: MqttAddress
  /** File of the authorities to trust, PEM; undefined for those of this machine. */
  readonly caFile?: string | undefined
  readonly clientId: string
  /** Published when the connection breaks or is closed, and kept by the broker. */
  readonly will?: { readonly topic: string; readonly payload: string } | undefined
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly logger: { readonly info: Log; readonly warn: Log }
}

type Log = (fields: object, message: string) => void

/** The connection to the broker, which is tried again until it is closed. */
export type Link = Broker & {
  /** Begins to connect. */
  readonly begin: () => void
  /** Milliseconds until a message that nobody hears is certain to be told apart: with MQTT 5 never more than 0,
   * since the broker says so; with 3.1.1, listeners get 15 seconds after a connection to come back. */
  readonly settlesInMs: () => number
  readonly state: () => LinkState
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

type LinkState = {
  readonly isConnected: boolean
  /** The version of the protocol; undefined without a connection. */
  readonly protocol: '5' | '3.1.1' | undefined
  /** Why the last connection failed or broke; undefined if none did. */
  readonly fault: string | undefined
}

/** A broker that does not acknowledge in this time is taken for lost. */
const ACKNOWLEDGED_MS_MAX = 10 * SECOND_MS
const CONNECT_MS_MAX = 10 * SECOND_MS
const KEEP_ALIVE_SECONDS = 20

/** More than any lock says. The broker keeps larger messages from us, or anyone who may send to it could fill our
 * memory: it takes up to 256 MB. */
const PACKET_BYTES_MAX = 256 * 1024

/** After a restart of the broker, Home Assistant listens again within ten seconds. */
const LISTENERS_BACK_MS = 15 * SECOND_MS

/** A connection that lasted this long was a good one: the next is tried at once. */
const LASTING_MS = MINUTE_MS

/** Reason codes of PUBACK and CONNACK: see section 2.4 of MQTT 5 and 3.2.2.3 of MQTT 3.1.1. */
const NO_MATCHING_SUBSCRIBERS = 16
const UNSUPPORTED_VERSION: ReadonlySet<unknown> = new Set([1, 132])

type Connection = {
  readonly client: MqttClient
  readonly protocol: '5' | '3.1.1'
  readonly sinceMs: number
  /** Messages that the broker acknowledged as heard by nobody. */
  readonly unheard: Set<number>
  readonly drop: (fault: Fault) => void
}

/** Connects to a broker with MQTT 5, or 3.1.1 where that is refused. Each connection begins with a clean session:
 * what was not acknowledged is the business of the outbox, and old commands are nobody's. */
export const openLink = ({ address, caFile, clientId, will, clock, logger }: LinkOptions): Link => {
  let current: Connection | undefined
  let dialled: MqttClient | undefined
  let failures = 0
  let fault: string | undefined
  let next: Timer | undefined
  let isClosed = false
  const subscriptions = new Set<Subscription>()
  const onConnect = new Set<() => void>()

  const dial = async (protocol: '5' | '3.1.1'): Promise<void> => {
    // Nobody without a broker pays for the library.
    const { connect } = await import('mqtt')
    if (isClosed) return
    let reason: Fault | undefined
    let client: MqttClient
    try {
      client = connect({
        ...target(address, caFile),
        clientId,
        clean: true,
        protocolVersion: protocol === '5' ? 5 : 4,
        ...(protocol === '5' ? { properties: { maximumPacketSize: PACKET_BYTES_MAX } } : {}),
        ...(will ? { will: { ...will, payload: Buffer.from(will.payload), ...KEPT } } : {}),
        keepalive: KEEP_ALIVE_SECONDS,
        connectTimeout: CONNECT_MS_MAX,
        // It has no back-off of its own, and resends what the outbox sends again.
        reconnectPeriod: 0,
        queueQoSZero: false,
      })
    } catch (error) {
      lost({ message: messageOf(error) })
      return
    }
    dialled = client
    let isOver = false
    const ended = (found: Fault): void => {
      if (isOver) return
      isOver = true
      client.end(true)
      client.stream.destroy()
      const isRefused = protocol === '5' && UNSUPPORTED_VERSION.has(found.code)
      if (isRefused) void dial('3.1.1')
      else lost(found)
    }
    const unheard = new Set<number>()
    // It may come twice; the end of the connection comes once.
    client.on('error', (error) => {
      reason = error
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS)
        unheard.add(packet.messageId ?? 0)
    })
    client.on('disconnect', ({ reasonCode }) => {
      reason = { message: `the broker ended the connection (${reasonCode ?? 0})` }
    })
    client.on('message', (topic, payload, { retain }) => {
      const message = { topic, payload: payload.toString(), isRetained: retain }
      hear({ ...message, atMs: clock.wallMs() })
    })
    client.once('connect', () => {
      current = { client, protocol, sinceMs: clock.monotonicMs(), unheard, drop: ended }
      fault = undefined
      logger.info({ broker: shownAddress(address), mqtt: protocol }, 'connected to the broker')
      for (const { filter } of subscriptions) client.subscribe(filter, { qos: 1 })
      for (const listener of onConnect) listener()
    })
    client.once('close', () => ended(reason ?? { message: 'the broker closed the connection' }))
  }

  /** Waits, and connects again. Says so once for a row of failures. */
  const lost = ({ message }: Fault): void => {
    const lastedMs = current ? clock.monotonicMs() - current.sinceMs : 0
    current = undefined
    if (isClosed) return
    if (lastedMs >= LASTING_MS) failures = 0
    if (failures === 0 || fault === undefined)
      logger.warn({ broker: shownAddress(address), reason: message }, 'no connection to the broker')
    fault = message
    next = setTimeout(() => void dial('5'), backOffMs(failures))
    failures += 1
  }

  const hear = (message: BrokerMessage): void => {
    for (const { filter, listener } of subscriptions)
      if (isMatch(filter, message.topic)) listener(message)
  }

  return {
    begin: () => void dial('5'),

    publish: async (topic, payload, { retain = false, qos = 1 } = {}): Promise<Published> => {
      const used = current
      // The library would queue without bound.
      if (!used?.client.connected) return 'unheard'
      const { promise, resolve } = Promise.withResolvers<Published>()
      const timer = setTimeout(() => {
        resolve('unknown')
        // What has not been sent yet must not arrive later.
        used.drop({ message: 'the broker does not answer' })
      }, ACKNOWLEDGED_MS_MAX)
      used.client.publish(topic, payload, { retain, qos }, (error, packet) => {
        const isUnheard = used.unheard.delete(packet?.messageId ?? 0)
        resolve(error ? 'unknown' : isUnheard ? 'unheard' : 'heard')
      })
      const published = await promise
      clearTimeout(timer)
      return published
    },

    subscribe: (filter, listener) => {
      const subscription = { filter, listener }
      subscriptions.add(subscription)
      current?.client.subscribe(filter, { qos: 1 })
      return () => {
        subscriptions.delete(subscription)
        if (![...subscriptions].some((other) => other.filter === filter))
          current?.client.unsubscribe(filter)
      }
    },

    onConnect: (listener) => {
      onConnect.add(listener)
      if (current) listener()
      return () => void onConnect.delete(listener)
    },

    isConnected: () => current?.client.connected ?? false,

    settlesInMs: () =>
      current?.protocol === '3.1.1'
        ? Math.max(0, current.sinceMs + LISTENERS_BACK_MS - clock.monotonicMs())
        : 0,

    state: () => ({
      isConnected: current?.client.connected ?? false,
      protocol: current?.protocol,
      fault,
    }),

    [Symbol.asyncDispose]: async () => {
      isClosed = true
      clearTimeout(next)
      const client = current?.client
      // A clean end suppresses the will.
      if (client?.connected) await farewell(client, will)
      current = undefined
      dialled?.end(true)
    },
  }
}

type Subscription = { readonly filter: string; readonly listener: (message: BrokerMessage) => void }
type Fault = { readonly message: string; readonly code?: unknown }

const KEPT = { retain: true, qos: 1 } as const
const FAREWELL_MS_MAX = 2 * SECOND_MS

const farewell = async (client: MqttClient, will: LinkOptions['will']): Promise<void> => {
  const said = (async () => {
    if (will) await client.publishAsync(will.topic, will.payload, KEPT)
    await client.endAsync()
  })()
  await Promise.race([said.catch(() => {}), Bun.sleep(FAREWELL_MS_MAX)])
}

/** Host and port, because a URL makes the library print a warning. */
const target = ({ host, port, isTls, username, password }: MqttAddress, caFile?: string) => ({
  host,
  port,
  protocol: isTls ? ('mqtts' as const) : ('mqtt' as const),
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(isTls ? { rejectUnauthorized: true, ...(isIP(host) ? {} : { servername: host }) } : {}),
  // Read each time, because authorities are replaced.
  ...(isTls && caFile !== undefined ? { ca: readFileSync(caFile) } : {}),
})

/** Returns an address without its user and password. */
export const shownAddress = ({ host, port, isTls }: MqttAddress): string =>
  `${isTls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
