import type { Broker } from '../domain/broker.ts'

type Dependencies = {
  readonly broker: Pick<Broker, 'publish' | 'isConnected'>
  /** Returns the wanted retained messages, by topic. */
  readonly wanted: () => Promise<ReadonlyMap<string, string>>
}

/** Keeps the broker’s retained messages up to date: publishes those that have changed, and clears those that are no
 * longer wanted. Subscribers never get an empty message for a topic that had none. */
export const announcer = ({ broker, wanted }: Dependencies) => {
  /** The broker’s retained messages, by topic; undefined if it may have lost one. */
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
      // A retained message counts even without a subscriber.
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
    /** Publishes what has changed. */
    refresh,

    /** Publishes everything again, in case the broker or Home Assistant has lost it. */
    announce: (): Promise<void> => {
      for (const topic of kept.keys()) kept.set(topic, undefined)
      return refresh()
    },

    /** Records a retained message of ours that was found at the broker, perhaps from an earlier run. */
    found: (topic: string): void => {
      if (!kept.has(topic)) kept.set(topic, undefined)
    },
  }
}
