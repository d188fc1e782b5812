import type { Broker, BrokerMessage } from '../../domain/broker.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import type { Sender } from './lock.ts'
import type { MessageDriver, Observation, Step } from '../observation.ts'

type Dependencies = {
  readonly broker: Broker
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
  readonly hear: (said: readonly Observation[]) => Promise<void>
}

/** How often the state is requested, since manual turns may go unreported (Koenkk/zigbee2mqtt issue 22779). */
const POLL_MS = HOUR_MS

/** A command that would have to wait longer is not sent. */
const WAIT_MS_MAX = 5000

/** Connects a driver to the broker. */
export const messageRunner = (
  driver: MessageDriver,
  { broker, clock, hear }: Dependencies,
): Sender => {
  let memory = driver.begin
  let wake: Timer | undefined

  const take = ({ memory: next, observations, wakeAtMs }: Step<unknown>): void => {
    memory = next
    clearTimeout(wake)
    if (wakeAtMs !== null)
      wake = setTimeout(
        () => take(driver.wake(memory, clock.nonDecreasingMs())),
        Math.max(wakeAtMs - clock.nonDecreasingMs(), 1),
      )
    void hear(observations)
  }
  const onMessage = ({ topic, payload, isRetained }: BrokerMessage): void =>
    take(driver.hear(memory, { topic, payload, isRetained, atMs: clock.nonDecreasingMs() }))

  const poll = (): void => {
    if (driver.poll) void broker.publish(driver.poll.topic, driver.poll.payload, { qos: 0 })
  }
  const ends = [
    ...driver.topics.map((topic) => broker.subscribe(topic, onMessage)),
    broker.onConnect(poll),
  ]
  const polling = setInterval(poll, POLL_MS)
  polling.unref()

  return {
    prepare: async () => [],
    send: async (isWanted): Promise<readonly Observation[]> => {
      const waitMs = driver.readyAtMs(memory) - clock.nonDecreasingMs()
      if (waitMs > 0) await Bun.sleep(Math.min(waitMs, WAIT_MS_MAX))
      if (!isWanted()) return []
      if (!broker.isConnected()) return [NO_BROKER]
      const published = await broker.publish(driver.open.topic, driver.open.payload, { qos: 0 })
      return published === 'unheard' ? [NO_BROKER] : []
    },

    stop: (): void => {
      clearTimeout(wake)
      clearInterval(polling)
      for (const end of ends) end()
    },
  }
}

const NO_BROKER = { kind: 'failed', says: 'no connection to the broker' } as const
