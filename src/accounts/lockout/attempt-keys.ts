import { createHmac } from 'node:crypto'
import type { Origin } from '../../domain/audit-event.ts'
import { clientKey } from '../../http/request/client-address.ts'
import type { AuthenticatedAccount } from '../core/store.ts'
import type { deviceCookies } from './device-cookie.ts'
import type { LockoutPlace } from './rules.ts'
import type { Subjects } from './store.ts'

/** An attempt to log in, or to confirm a password or code elsewhere. */
export type LoginAttempt = {
  /** The key of the submitted username, whether or not it has an account; empty if it cannot be a
   * name. */
  readonly usernameKey: string
  readonly account: AuthenticatedAccount | undefined
  readonly deviceToken?: string | undefined
  /** `login` by default. */
  readonly place?: LockoutPlace
  readonly from: Origin
}

/** Who is trying to log in, and to which account; names and addresses are keyed hashes. */
export type AttemptKeys = {
  readonly subjects: Subjects
  readonly place: LockoutPlace
  readonly clientHash: Buffer
  readonly address: string
  readonly accountId: number | undefined
  /** The device sent a device cookie of the account, so it is known wherever it is. */
  readonly hasDeviceCookie: boolean
}

type Options = {
  readonly key: string
  readonly devices: ReturnType<typeof deviceCookies>
  readonly nowMs: () => number
}

/** Returns a function that computes the keys of an attempt. */
export const attemptKeysOf = ({ key, devices, nowMs }: Options) => {
  const hash = (...parts: readonly string[]): Buffer =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest()

  return (attempt: LoginAttempt): AttemptKeys => {
    const { usernameKey, account, deviceToken = '', place = 'login', from } = attempt
    const client = clientKey(from.address)
    const device = account && devices.verify(deviceToken, account, nowMs())
    const atPlace = place === 'login' ? [] : [place]
    return {
      subjects: {
        client: hash('client', client, ...atPlace),
        // Not apart: what all clients may guess at a name is one number (NIST SP 800-63B-4).
        name: hash('name', usernameKey),
        client_at_name: device
          ? hash('device', device)
          : hash('client_at_name', client, usernameKey, ...atPlace),
      },
      place,
      clientHash: hash('place', client),
      address: from.address,
      accountId: account?.id,
      hasDeviceCookie: device !== undefined,
    }
  }
}
