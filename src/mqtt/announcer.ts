import type { Broker } from '../domain/broker.ts'

type Dependencies = {
  readonly broker: Pick<Broker, 'publish' | 'isConnected'>
  /** Returns what the broker is to keep now, by topic. */
  readonly wanted: () => Promise<ReadonlyMap<string, string>>
}

/** Keeps the retained messages at the broker as they are to be: publishes those that have changed. */
export const announcer = ({ broker, wanted }: Dependencies) => {
  const published = new Map<string, string>()
  let running: Promise<void> = Promise.resolve()
  let isAsked = false

  const publishChanges = async (): Promise<void> => {
    isAsked = false
    if (!broker.isConnected()) return
    for (const [topic, payload] of await wanted()) {
      if (published.get(topic) === payload) continue
      // What is kept counts, whoever listens now.
      if ((await broker.publish(topic, payload, { retain: true })) === 'unknown') return
      if (!broker.isConnected()) return
      published.set(topic, payload)
    }
  }

  const refresh = (): Promise<void> => {
    if (!isAsked) {
      isAsked = true
      running = running.then(publishChanges, publishChanges)
    }
    return running
  }

  return {
    /** Publishes what has changed since it was published last. */
    refresh,

    /** Publishes everything: to a broker that may have forgotten it, or for a Home Assistant that may. */
    announce: (): Promise<void> => {
      published.clear()
      return refresh()
    },
  }
}
