import { lockClaim } from '../../../../domain/statement/claims.ts'
import { makeKeyPair, publicKeyOf, signWith } from '../../../../domain/statement/p256.ts'
import { signStatement } from '../../../../domain/statement/statement.ts'
import { store, stored, storeKey, storedKey } from './storage.ts'
import { type Door, call } from './api.ts'

let key: CryptoKeyPair | undefined

/** Browsers sign only on pages that came encrypted. */
const canSign = (): boolean => isSecureContext && Boolean(crypto.subtle)

/** Makes a key for this device that cannot leave its browser. Returns what to send to the gateway; empty if this
 * browser cannot sign. */
export const newKey = async (): Promise<{ readonly public_key?: string }> => {
  if (!canSign()) return {}
  key = await makeKeyPair(false)
  return { public_key: base64(await publicKeyOf(key)) }
}

/** Stores the new key, once the gateway knows it. */
export const keepKey = async (): Promise<void> => {
  if (key) await storeKey(key)
}

/** Loads the key of this device. Safari removes what pages have stored after seven days without a visit, but not the
 * gateway's cookie: then the gateway gets a new key. */
export const loadKey = async (): Promise<void> => {
  if (!canSign()) return
  key = await storedKey()
  if (!key) await replaceKey()
}

/** Replaces the key of this device at the gateway. Returns false if this browser cannot sign. */
export const replaceKey = async (): Promise<boolean> => {
  const body = await newKey()
  if (!body.public_key) return false
  await call('POST', 'rekey', body)
  await keepKey()
  return true
}

/** Signs that this device asks to open a door, as base64; undefined if it has no key. */
export const knock = async (door: Door, attempt: string): Promise<string | undefined> =>
  key &&
  base64(
    await signStatement(
      { kind: 'knock', lock: lockClaim(door.id), counter: nextCounter(), attempt },
      signWith(key.privateKey),
    ),
  )

const COUNTER = 'counter'

/** Grows with each statement, even if the clock of the phone is set back. */
const nextCounter = (): number => {
  const next = Math.max(Date.now(), Number(stored(COUNTER) ?? 0) + 1)
  store(COUNTER, String(next))
  return next
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
