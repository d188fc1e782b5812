import { BOLT_STATES, type BoltState, type MessageDriver, step } from './observation.ts'

type Given = {
  /** The topic prefix of the node. */
  readonly node: string
  /** The object id of the lock. */
  readonly id: string
  /** `open` also pulls the latch. */
  readonly action: 'unlock' | 'open'
}

/** A lock component of ESPHome with MQTT. It does not report who opened it. */
export const esphome = ({ node, id, action }: Given): MessageDriver<null> => {
  const topic = `${node}/lock/${id}`
  return {
    topics: [`${topic}/state`, `${node}/status`],
    begin: null,
    hear: (memory, { topic: from, payload, isRetained }) => {
      if (from === `${node}/status`)
        return step(memory, [{ kind: 'availability', isOnline: payload === 'online' }])
      const state = payload.toLowerCase() as BoltState
      return step(
        memory,
        BOLT_STATES.includes(state) ? [{ kind: 'state', state, isOld: isRetained }] : [],
      )
    },
    wake: (memory) => step(memory),
    open: { topic: `${topic}/command`, payload: action === 'open' ? 'OPEN' : 'UNLOCK' },
    readyAtMs: () => 0,
    poll: null,
  }
}
