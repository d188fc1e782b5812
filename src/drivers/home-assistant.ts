import { BOLT_STATES, type BoltState, type Observation, jsonObject } from './observation.ts'
import type { Answered, RequestDriver } from './request.ts'

type Given = {
  /** The address of Home Assistant, such as `http://homeassistant.local:8123`. */
  readonly url: string
  /** The id of the entity, such as `lock.front_door`. */
  readonly entity: string
  /** `open` pulls the latch too. */
  readonly action: 'unlock' | 'open'
  /** A long-lived access token. */
  readonly token: string
}

/** A lock that Home Assistant drives. Its answer to a command means nothing: it is 200 for a lock that is
 * unavailable too. So the state is watched. */
export const homeAssistant = ({ url, entity, action, token }: Given): RequestDriver => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    open: {
      method: 'POST',
      url: new URL(`/api/services/lock/${action}`, url).href,
      headers,
      body: JSON.stringify({ entity_id: entity }),
    },
    heardOpen: ({ status }) =>
      status === 200 ? [] : [{ kind: 'failed', says: `HTTP status ${status}` }],
    status: { method: 'GET', url: new URL(`/api/states/${entity}`, url).href, headers },
    heardStatus: statesOf,
    watchesState: true,
  }
}

const statesOf = ({ status, body }: Answered): readonly Observation[] => {
  if (status !== 200) return [{ kind: 'availability', isOnline: false }]
  const state = jsonObject(body)?.['state']
  if (state === 'unavailable') return [{ kind: 'availability', isOnline: false }]
  const online = { kind: 'availability', isOnline: true } as const
  return BOLT_STATES.includes(state as BoltState)
    ? [online, { kind: 'state', state: state as BoltState, isOld: false }]
    : [online]
}
