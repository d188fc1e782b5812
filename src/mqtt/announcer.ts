import type { Broker } from '../domain/broker.ts'

type Dependencies = {
  readonly broker: Pick<Broker, 'publish' | 'isConnected'>
  /** Returns what the broker is to keep now, by topic. */
  readonly wanted: () => Promise<ReadonlyMap<string, string>>
}

/** Keeps the retained messages at the broker as they are to be: publishes those that have changed, and removes those
 * that are not to be there. Nobody who listens gets an empty message for what was not there. */
export const announcer = ({ broker, wanted }: Dependencies) => {
  /** What the broker keeps, by topic; undefined if it may have forgotten it. */
  const kept = new Map<string, string | undefined>()
  let running: Promise<void> = Promise.resolve()
  let isAsked = false

  const publishChanges = async (): Promise<void> => {
    isAsked = false
    if (!broker.isConnected()) return
    const messages = await wanted()
    const gone = [...kept.keys()].filter((topic) => !messages.has(topic))
    for (const [topic, payload] of [...messages, ...gone.map((absent) => [absent, ''] as const)]) {
      if (kept.get(topic) === payload) continue
      // What is kept counts, whoever listens now.
      if ((await broker.publish(topic, payload, { retain: true })) === 'unknown') return
      if (!broker.isConnected()) return
      if (payload === '') kept.delete(topic)
      else kept.set(topic, payload)
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
      for (const topic of kept.keys()) kept.set(topic, undefined)
      return refresh()
    },

    /** Notes what the broker was found to keep of ours, perhaps from before this process. */
    found: (topic: string): void => {
      if (!kept.has(topic)) kept.set(topic, undefined)
    },
  }
}
