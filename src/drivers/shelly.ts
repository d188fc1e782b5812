import { withDigest } from './digest.ts'
import { isObject, jsonObject } from './observation.ts'
import type { Answered, Ask, RequestDriver } from './request.ts'

type Given = {
  /** The address of the relay, such as `http://192.168.1.40`. */
  readonly url: string
  /** The id of the switch. */
  readonly switch: number
  /** How long it switches on, in seconds. */
  readonly seconds: number
  readonly password: string | undefined
}

/** A Shelly relay (generation 2 or later) that controls an electric strike. It switches off by itself, even if this
 * program ends. It knows nothing about the door, so it never reports that the door opened. */
export const shelly = ({ url, switch: id, seconds, password }: Given): RequestDriver => {
  const call = (method: string, params: object): Ask => ({
    method: 'POST',
    url: new URL('/rpc', url).href,
    // The device accepts few connections.
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ id: 1, method, params }),
  })
  return {
    open: call('Switch.Set', { id, on: true, toggle_after: seconds }),
    heardOpen: (answer) =>
      isObject(resultOf(answer))
        ? [{ kind: 'switched', says: 'the relay switched' }, ONLINE]
        : [{ kind: 'failed', says: faultOf(answer) }],
    status: call('Switch.GetStatus', { id }),
    heardStatus: (answer) => (isObject(resultOf(answer)) ? [ONLINE] : []),
    watchesState: false,
    ...(password === undefined
      ? {}
      : {
          prove: (ask, challenge, cnonce) =>
            withDigest(ask, challenge, { username: 'admin', password, cnonce }),
        }),
  }
}

const ONLINE = { kind: 'availability', isOnline: true } as const

const resultOf = ({ status, body }: Answered): unknown =>
  status === 200 ? jsonObject(body)?.['result'] : undefined

/** Returns a short error message: the device's own, if any. */
const faultOf = ({ status, body }: Answered): string => {
  const error = status === 200 ? jsonObject(body)?.['error'] : undefined
  const message = isObject(error) ? error['message'] : undefined
  return typeof message === 'string' ? message : `HTTP status ${status}`
}
