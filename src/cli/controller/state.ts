import { join } from 'node:path'
import {
  type Sign,
  exportPrivateKey,
  importKeyPair,
  makeKeyPair,
  publicKeyOf,
  signWith,
} from '../../domain/statement/p256.ts'
import { AppError } from '../../errors.ts'
import { readPrivateFile, replacePrivateFile } from '../../storage/files/private-files.ts'

/** The key with which a controller signs. */
export type ControllerKey = { readonly publicKey: Uint8Array; readonly sign: Sign }

/** What a controller knows since it was enrolled. */
export type Identity = {
  readonly id: string
  /** The token that it polls with; it opens nothing. */
  readonly token: string
  readonly lock: { readonly id: string; readonly label: string; readonly name: string }
  /** The key whose commands it obeys, as Base64 of an uncompressed point. */
  readonly doorKey: string
  readonly gateway: string
  readonly caSha256?: string | undefined
  /** SHA-256 of the code that it was enrolled with, as Base64. */
  readonly codeHash: string
}

const KEY_FILE = 'key'
const IDENTITY_FILE = 'identity.json'

/** Reads the key in a state folder (PKCS #8 as Base64), and makes one if there is none. Throws `unavailable`. */
export const keyIn = async (folder: string): Promise<ControllerKey> => {
  const path = join(folder, KEY_FILE)
  const stored = readPrivateFile(path)
  if (stored !== undefined) return readKey(path, stored)
  const pair = await makeKeyPair(true)
  replacePrivateFile(path, `${(await exportPrivateKey(pair)).toBase64()}\n`)
  return { publicKey: await publicKeyOf(pair), sign: signWith(pair.privateKey) }
}

const readKey = async (path: string, text: string): Promise<ControllerKey> => {
  try {
    const pair = await importKeyPair(new Uint8Array(Buffer.from(text, 'base64')))
    return { publicKey: await publicKeyOf(pair), sign: signWith(pair.privateKey) }
  } catch (error) {
    throw new AppError('unavailable', damaged(path), { cause: error })
  }
}

/** Returns what the enrolment left in a state folder, or undefined if there was none. Throws `unavailable`. */
export const identityIn = (folder: string): Identity | undefined => {
  const path = join(folder, IDENTITY_FILE)
  const stored = readPrivateFile(path)
  if (stored === undefined) return undefined
  try {
    return JSON.parse(stored) as Identity
  } catch (error) {
    throw new AppError('unavailable', damaged(path), { cause: error })
  }
}

export const storeIdentity = (folder: string, identity: Identity): void =>
  replacePrivateFile(join(folder, IDENTITY_FILE), `${JSON.stringify(identity, undefined, 2)}\n`)

const damaged = (path: string): string =>
  `${path} is damaged: remove the state folder, and enrol the controller again`
