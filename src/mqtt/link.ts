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
  /** PEM file of the certificate authorities to trust; undefined for those of the system. */
  readonly caFile?: string | undefined
  readonly clientId: string
  /** Published, and retained, when the connection breaks or is closed. */
  readonly will?: { readonly topic: string; readonly payload: string } | undefined
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  readonly logger: { readonly info: Log; readonly warn: Log }
}

type Log = (fields: object, message: string) => void

/** A connection to the broker that reconnects until it is closed. */
export type Link = Broker & {
  /** Starts connecting, also after it was closed. */
  readonly begin: () => void
  /** Milliseconds to wait for subscribers to reconnect: always 0 with MQTT 5, since the broker reports a lack of
   * subscribers; up to 15 seconds after a connection with 3.1.1. */
  readonly settlesInMs: () => number
  readonly state: () => LinkState
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

type LinkState = {
  readonly isConnected: boolean
  /** The version of the protocol; undefined without a connection. */
  readonly protocol: '5' | '3.1.1' | undefined
  /** Why the last connection failed or broke, if it did. */
  readonly fault: string | undefined
}

/** The connection is dropped if the broker does not acknowledge a message in this time. */
const ACKNOWLEDGED_MS_MAX = 10 * SECOND_MS
const CONNECT_MS_MAX = 10 * SECOND_MS
const KEEP_ALIVE_SECONDS = 20

/** More than any lock says. The broker keeps larger messages from us, or anyone who may send to it could fill our
 * memory: it takes up to 256 MB. */
const PACKET_BYTES_MAX = 256 * 1024

/** Home Assistant reconnects within ten seconds of a restart of the broker. */
const LISTENERS_BACK_MS = 15 * SECOND_MS

/** A connection that lasted this long resets the back-off. */
const LASTING_MS = MINUTE_MS

/** Reason codes of PUBACK and CONNACK: see section 2.4 of MQTT 5 and 3.2.2.3 of MQTT 3.1.1. */
const NO_MATCHING_SUBSCRIBERS = 16
const UNSUPPORTED_VERSION: ReadonlySet<unknown> = new Set([1, 132])

type Connection = {
  readonly client: MqttClient
  readonly protocol: '5' | '3.1.1'
  readonly sinceMs: number
  /** Ids of messages that the broker acknowledged without a subscriber. */
  readonly unheard: Set<number>
  readonly drop: (fault: Fault) => void
}

/** Connects to a broker with MQTT 5, or with 3.1.1 if the broker refuses that. Each connection starts a clean session:
 * the outbox resends what was not acknowledged, and old commands must not be delivered. */
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
    // The library is loaded only if there is a broker.
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
        // The library has no back-off, and would resend what the outbox resends.
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
    // This event may come twice; `close` comes once.
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

  /** Schedules a reconnection. Logs only the first of consecutive failures. */
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
    begin: () => {
      isClosed = false
      void dial('5')
    },

    publish: async (topic, payload, { retain = false, qos = 1 } = {}): Promise<Published> => {
      const used = current
      // The library’s queue is unbounded.
      if (!used?.client.connected) return 'unheard'
      const { promise, resolve } = Promise.withResolvers<Published>()
      const timer = setTimeout(() => {
        resolve('unknown')
        // A message that is still unsent must not arrive later.
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
      // A clean disconnect suppresses the will.
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

/** Uses host and port, because the library prints a warning for a URL. */
const target = ({ host, port, isTls, username, password }: MqttAddress, caFile?: string) => ({
  host,
  port,
  protocol: isTls ? ('mqtts' as const) : ('mqtt' as const),
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(isTls ? { rejectUnauthorized: true, ...(isIP(host) ? {} : { servername: host }) } : {}),
  // Read at each connection, since the file may be replaced.
  ...(isTls && caFile !== undefined ? { ca: readFileSync(caFile) } : {}),
})

/** Returns an address without its user and password. */
export const shownAddress = ({ host, port, isTls }: MqttAddress): string =>
  `${isTls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
