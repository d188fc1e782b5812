import type { Config } from '../config/config.ts'
import type { MqttAddress } from '../config/parsers.ts'
import { clockFrom } from '../domain/clock.ts'
import { MINUTE_MS, SECOND_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'
import { type Link, openLink, shownAddress } from './link.ts'

type Visited = {
  readonly address: MqttAddress
  readonly caFile: Config['mqttCaFile']
}

const VISIT_MS_MAX = 5 * SECOND_MS

/** Runs `work` with a short-lived connection to the broker, separate from the service’s. Throws `unavailable`. */
export const visitBroker = async <Result>(
  { address, caFile }: Visited,
  work: (link: Link) => Promise<Result>,
): Promise<Result> => {
  await using link = openLink({
    address,
    caFile,
    clientId: `secure-lock-visit-${crypto.randomUUID().slice(0, 8)}`,
    clock: clockFrom(),
    logger: { info: () => {}, warn: () => {} },
  })
  const connected = new Promise<void>((resolve) => void link.onConnect(resolve))
  link.begin()
  for (const end = performance.now() + VISIT_MS_MAX; !link.isConnected();) {
    await Promise.race([connected, Bun.sleep(20)])
    const { fault } = link.state()
    if (fault !== undefined) throw new AppError('unavailable', noConnection(address, fault))
    if (performance.now() > end)
      throw new AppError('unavailable', noConnection(address, 'it does not answer'))
  }
  return await work(link)
}

const noConnection = (address: MqttAddress, fault: string): string =>
  `No connection to the broker ${shownAddress(address)}: ${fault}`

/** Facts about the broker, for `doctor`. */
export type BrokerFacts = {
  readonly address: string
  /** Undefined without a connection. */
  readonly protocol: '5' | '3.1.1' | undefined
  /** Why there is no connection; undefined if there is one. */
  readonly fault: string | undefined
  /** Whether the broker accepts clients without a password; false if it does not answer. */
  readonly isOpen: boolean
}

/** Connects to the broker with the gateway’s credentials, and without any. */
export const brokerFacts = async ({ address, caFile }: Visited): Promise<BrokerFacts> => {
  const shown = { address: shownAddress(address) }
  try {
    const protocol = await visitBroker({ address, caFile }, async (link) => link.state().protocol)
    return { ...shown, protocol, fault: undefined, isOpen: await isOpen({ address, caFile }) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const fault = error.message
    return { ...shown, protocol: undefined, fault, isOpen: await isOpen({ address, caFile }) }
  }
}

/** Whether the broker accepts a client without a name and password. */
const isOpen = async ({ address, caFile }: Visited): Promise<boolean> => {
  const anonymous = { ...address, username: undefined, password: undefined }
  try {
    return await visitBroker({ address: anonymous, caFile }, async () => true)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return false
  }
}

/** How long facts are cached. */
const KNOWN_MS = MINUTE_MS

/** Returns a function that reads facts about a broker at most once a minute. */
export const rememberedFacts = (visited: Visited, monotonicMs: () => number) => {
  let known: { readonly facts: Promise<BrokerFacts>; readonly atMs: number } | undefined
  return (): Promise<BrokerFacts> => {
    const atMs = monotonicMs()
    if (!known || atMs - known.atMs >= KNOWN_MS) known = { facts: brokerFacts(visited), atMs }
    return known.facts
  }
}
