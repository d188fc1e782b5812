import { BOLT_STATES, type BoltState, type Observation, jsonObject } from './observation.ts'
import type { Answered, RequestDriver } from './request.ts'

type Given = {
  /** The address of Home Assistant, such as `http://homeassistant.local:8123`. */
  readonly url: string
  /** The id of the entity, such as `lock.front_door`. */
  readonly entity: string
  /** `open` also pulls the latch. */
  readonly action: 'unlock' | 'open'
  /** A long-lived access token. */
  readonly token: string
}

/** A lock in Home Assistant. The response to a command proves nothing, since it is 200 for an unavailable lock too, so
 * the state is polled. */
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
  // A token or an entity that Home Assistant does not know.
  if (status !== 200)
    return [{ kind: 'availability', isOnline: false, says: `HTTP status ${status}` }]
  const state = jsonObject(body)?.['state']
  if (state === 'unavailable') return [{ kind: 'availability', isOnline: false }]
  const online = { kind: 'availability', isOnline: true } as const
  return BOLT_STATES.includes(state as BoltState)
    ? [online, { kind: 'state', state: state as BoltState, isOld: false }]
    : [online]
}
