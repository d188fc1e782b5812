import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../errors.ts'
import { userName } from './system-user.ts'

/** Creates a folder that only this user can enter; an existing one loses the rights of others. Throws
 * `unavailable`. */
export const makePrivateFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const { mode, uid } = statSync(path)
    // Root could continue, and leave files that the service's user cannot read.
    if (uid !== process.getuid?.())
      throw new Error(
        `it belongs to user ${userName(uid)}; run this as that user (runuser -u ${userName(uid)} -- …), or choose another DATA_DIR`,
      )
    if ((mode & 0o1000) !== 0)
      throw new Error('it is shared with others, like /tmp; choose a folder of its own')
    if ((mode & 0o077) !== 0) chmodSync(path, 0o700)
  } catch (error) {
    const missing = existsSync(path) ? '' : 'it does not exist and cannot be created: '
    const fault = `${missing}${fileFault(error)}`
    throw new AppError('unavailable', `Cannot use the folder ${path}: ${fault}`, { cause: error })
  }
}

/** Creates an empty file that only this user can read; an existing one loses the rights of others. */
export const makePrivateFile = (path: string): void => {
  if (existsSync(path)) {
    takeRights(path)
    // SQLite would only say that it cannot open the file.
    return accessSync(path, constants.R_OK | constants.W_OK)
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'wx', 0o600))
}

/** Removes the rights of others. A link or another user's file may have been planted, so it is refused. */
const takeRights = (path: string): void => {
  const file = lstatSync(path)
  if (!file.isFile()) throw new Error('it is not a regular file')
  if (file.uid !== process.getuid?.()) throw new Error(`it belongs to user ${userName(file.uid)}`)
  if ((file.mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/** Removes the rights of others from a key of this user. A mounted one is left as it is; see `mountedFault`. */
const requireKey = (path: string): void => {
  const isOwn = !lstatSync(path).isSymbolicLink() && statSync(path).uid === process.getuid?.()
  try {
    if (isOwn) return takeRights(path)
  } catch (error) {
    if (faultCode(error) !== 'EROFS') throw error
  }
  const fault = mountedFault(path)
  if (fault !== undefined) throw new Error(fault)
}

/** Returns what is wrong with a mounted key, which may be behind a link, or belong to root and only be readable here:
 * nobody but root and this user may be able to change or replace it, or have put the link or a second name of some file
 * of root there while the folder was open to others. Throws if there is no such file. */
export const mountedFault = (
  path: string,
  uid: number | undefined = process.getuid?.(),
): string | undefined => {
  const real = realpathSync(path)
  const file = statSync(real)
  const folder = statSync(dirname(real))
  const { uid: placedBy } = lstatSync(path)
  if (![0, uid].includes(placedBy)) return `it belongs to user ${userName(placedBy)}`
  if (!file.isFile()) return 'it is not a regular file'
  if (![0, uid].includes(file.uid)) return `it belongs to user ${userName(file.uid)}`
  if (file.uid !== uid && file.nlink > 1) return 'it has another name elsewhere (a hard link)'
  if ((file.mode & 0o022) !== 0) return 'others can write to it'
  if (![0, uid].includes(folder.uid)) return `its folder belongs to user ${userName(folder.uid)}`
  // Where the sticky bit is set, others cannot replace it.
  if ((folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0)
    return 'others can replace it: they can write to its folder'
  return undefined
}

const SECRET_BYTES = 48

/** Returns a secret of 384 random bits, base64url. */
const randomSecret = (): string =>
  crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64({ alphabet: 'base64url' })

/** Reads a key, or creates it, mode 0600 and synced to disk. Two processes that start at the
 * same time get the same secret. Throws `unavailable`. */
export const secretFile = (path: string, newSecret: () => string = randomSecret): string => {
  try {
    if (!existsSync(path)) makeSecretFile(path, newSecret())
    requireKey(path)
    const secret = readFileSync(path, 'utf8').trim()
    if (secret.length < SECRET_BYTES) throw new Error('it is cut short; remove it to get a new one')
    return secret
  } catch (error) {
    throw new AppError('unavailable', `Cannot use the secret in ${path}: ${fileFault(error)}`, {
      cause: error,
    })
  }
}

const makeSecretFile = (path: string, secret: string): void => {
  const draft = `${path}.${crypto.randomUUID()}`
  writeSynced(draft, `${secret}\n`)
  try {
    linkSync(draft, path)
  } catch (error) {
    if (faultCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  syncPath(dirname(path))
}

/** Replaces a file, mode 0600 and synced to disk. Throws `unavailable`. */
export const replacePrivateFile = (path: string, content: string): void => {
  const draft = `${path}.${crypto.randomUUID()}`
  try {
    writeSynced(draft, content)
    renameSync(draft, path)
    syncPath(dirname(path))
  } catch (error) {
    rmSync(draft, { force: true })
    throw new AppError('unavailable', `Cannot write ${path}: ${fileFault(error)}`, { cause: error })
  }
}

/** Replaces a file, mode 0600 and synced to disk, without blocking the event loop. After a power cut, either
 * the old one or the new one is there. A killed process leaves `<path>.<its id>.part` behind. Rejects with
 * `unavailable`. */
export const replaceInBackground = async (path: string, content: string): Promise<void> => {
  const draft = `${path}.${process.pid}.part`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw new AppError('unavailable', `Cannot write ${path}: ${fileFault(error)}`, { cause: error })
  }
}

/** Reads a file that only this user may use, or returns undefined if there is none. Removes the rights of
 * others. Throws `unavailable`. */
export const readPrivateFile = (path: string): string | undefined => readFile(path, takeRights)

/** Does the same with a key, which may be mounted: see `mountedFault`. */
export const readKeyFile = (path: string): string | undefined => readFile(path, requireKey)

const readFile = (path: string, requireUsable: (path: string) => void): string | undefined => {
  try {
    if (!existsSync(path)) return undefined
    requireUsable(path)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new AppError('unavailable', `Cannot use ${path}: ${fileFault(error)}`, { cause: error })
  }
}

const writeSynced = (path: string, content: string): void => {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Syncs a file to disk, or the names of the files in a folder. */
export const syncPath = (path: string): void => {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'this user has no access to it; change its owner or choose another folder',
  EPERM: 'this user has no access to it; change its owner or choose another folder',
  EROFS:
    'the file system is read-only; choose another folder, or print the systemd unit again if it does not allow this folder',
  ENOSPC: 'the disk is full; free some space first',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'it is a folder, not a file',
  ENOENT: 'there is no such file',
}

/** Returns what is wrong with a file, and what to do. */
export const fileFault = (error: unknown): string =>
  FAULTS[faultCode(error)] ?? (error instanceof Error ? error.message : String(error))

/** Returns an error of a file as an `unavailable` AppError that says what could not be done, and any
 * other error unchanged. */
export const fileUnavailable = (what: string, error: unknown): unknown =>
  error instanceof AppError || faultCode(error) === ''
    ? error
    : new AppError('unavailable', `${what}: ${fileFault(error)}`, { cause: error })

const faultCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''
