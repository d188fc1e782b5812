import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
} from 'node:fs'
import { renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Decrypter, Encrypter } from 'age-encryption'
import { type ParsedTarEntry, createTarDecoder, createTarPacker } from 'modern-tar'
import { AppError } from '../../errors.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, type Manifest, parseManifest } from './manifest.ts'
import { fileFault, syncPath } from '../files/private-files.ts'

/** Called with how many bytes of how many are done. */
type Progress = (done: number, total: number) => void

/** scrypt's N as a power of two: each guess takes 128 MiB, which a gateway can still spare. */
const SCRYPT_LOG_N = 17

/** The default of `age`, 256 MiB. A file that needs more is meant to exhaust memory. */
const SCRYPT_LOG_N_MAX = 18

const CHUNK_BYTES = 256 * 1024

/** Small enough that the sync of an unlock in the meantime need not wait long for a slow disk. */
const UNSYNCED_BYTES_MAX = 4 * 1024 ** 2

/** Describes a file as the manifest lists it. */
export const describeFile = (name: string, path: string): Manifest['files'][number] => {
  const hash = new Bun.CryptoHasher('sha256')
  let bytes = 0
  for (const chunk of chunksOf(path)) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { name, bytes, sha256: hash.digest('hex') }
}

/** A backup is a tar of plain files, the manifest first. If it is encrypted, age encrypts the whole tar
 * (age-encryption.org/v1), so that `age` and `tar` can open it too. */
type Packing = {
  readonly manifest: Manifest
  /** The path from which each file of the manifest is read. */
  readonly pathOf: (name: string) => string
  /** A new file, which is on disk when the promise resolves. */
  readonly to: string
  /** Encrypts the backup. */
  readonly passphrase: string | undefined
  readonly progress: Progress
}

/** Packs files into one, mode 0600. Throws `unavailable`. */
export const packBackup = async ({ manifest, pathOf, to, passphrase, progress }: Packing) => {
  const about = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  const entries = [
    { name: MANIFEST_FILE, size: about.length, body: () => [about].values() },
    ...manifest.files.map(({ name, bytes }) => ({
      name,
      size: bytes,
      body: () => chunksOf(pathOf(name)),
    })),
  ]
  const total = entries.reduce((sum, { size }) => sum + size, 0)
  const { readable, controller } = createTarPacker()
  const pack = async () => {
    let done = 0
    const mtime = new Date(manifest.made_at)
    for (const { name, size, body } of entries) {
      const entry = controller.add({ name, size, mode: 0o600, mtime, type: 'file' }).getWriter()
      for (const chunk of body()) {
        await entry.write(chunk)
        done += chunk.length
        progress(done, total)
      }
      await entry.close()
    }
    controller.finalize()
  }
  // An error while reading reaches the writing side through the stream, and the other way round.
  const packed = pack().catch((error: unknown) => controller.error(asError(error)))
  try {
    await writeStream(
      to,
      passphrase === undefined ? readable : await encrypted(readable, passphrase),
    )
    await packed
  } catch (error) {
    throw asAppError(`Cannot write the backup ${to}`, error)
  }
}

const encrypted = (plain: ReadableStream<Uint8Array>, passphrase: string) => {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(SCRYPT_LOG_N)
  return encrypter.encrypt(plain)
}

/** Writes a new file, mode 0600, which is on disk when this resolves. Resolves to its SHA-256. */
export const writeStream = async (
  path: string,
  stream: ReadableStream<Uint8Array>,
): Promise<string> => {
  const hash = new Bun.CryptoHasher('sha256')
  const file = openSync(path, 'wx', 0o600)
  let unsynced = 0
  try {
    for await (const chunk of stream) {
      hash.update(chunk)
      for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at)
      unsynced += chunk.length
      if (unsynced < UNSYNCED_BYTES_MAX) continue
      fdatasyncSync(file)
      unsynced = 0
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

/** Moves a draft that is on disk to its final path. Returns false if there is another file. */
export const publishFile = (draft: string, target: string): boolean => {
  try {
    linkSync(draft, target)
    rmSync(draft)
  } catch {
    if (existsSync(target)) return false
    // FAT, as on many USB sticks, has no links.
    renameSync(draft, target)
  }
  syncPath(dirname(target))
  return true
}

function* chunksOf(path: string): Generator<Uint8Array<ArrayBuffer>> {
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES)
      const length = readSync(file, chunk)
      if (length === 0) return
      yield chunk.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

type Unpacking = {
  readonly from: string
  /** Whether to refuse an unencrypted backup, which anyone could have created. */
  readonly mustBeEncrypted: boolean
  /** Called if the file is encrypted, and again if what it returned does not open it. Returning
   * undefined or an empty string gives up. */
  readonly passphrase: (attempt: number) => Promise<string | undefined>
  /** Called before any file is written; throws if the backup is not wanted. */
  readonly accept: (manifest: Manifest) => void
  /** The path each file is written to, where nothing may exist yet. */
  readonly pathOf: (name: string) => string
  readonly progress: Progress
}

/** Unpacks a backup, mode 0600 and on disk, and compares every file with the manifest. Throws
 * `unavailable` for a file that is not a backup, has a newer format or schema, or is cut short or altered. */
export const unpackBackup = async (wanted: Unpacking): Promise<Manifest> => {
  const { from, accept, pathOf, progress } = wanted
  try {
    const entries = (await decrypted(wanted)).pipeThrough(createTarDecoder({ strict: true }))
    let manifest: Manifest | undefined
    let index = 0
    let done = 0
    for await (const entry of entries) {
      if (!manifest) {
        manifest = await readManifest(entry)
        accept(manifest)
        continue
      }
      const expected = manifest.files[index++]
      const { name, size } = entry.header
      if (expected?.name !== name || expected.bytes !== size)
        throw new Error(
          `it contains ${JSON.stringify(name)}, which its manifest does not list there`,
        )
      if ((await writeStream(pathOf(name), entry.body)) !== expected.sha256)
        throw new Error(`${name} is not what its manifest says`)
      done += size
      progress(
        done,
        manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
      )
    }
    if (!manifest) throw new Error('it is empty')
    if (index < manifest.files.length) throw new Error('it is cut short')
    return manifest
  } catch (error) {
    throw asAppError(`Cannot use the backup ${from}`, error)
  }
}

/** The header of a file that age encrypted with a passphrase. The library would read one of any length. */
const AGE = 'age-encryption.org/v1\n'
const AGE_HEADER = /^.+\n-> scrypt [\w+/]{22} (\d{1,2})\n[\w+/]{43}\n--- [\w+/]{43}\n/
const HEADER_BYTES_MAX = 256

const PASSPHRASE_FAULT = "no identity matched any of the file's recipients"

/** Returns the bytes of the tar, decrypted if necessary. */
const decrypted = async (
  wanted: Pick<Unpacking, 'from' | 'mustBeEncrypted' | 'passphrase'>,
  attempt = 0,
): Promise<ReadableStream<Uint8Array>> => {
  const { from, passphrase, mustBeEncrypted } = wanted
  const start = startOf(from)
  if (!start.startsWith(AGE)) {
    if (mustBeEncrypted) throw new Error(NOT_ENCRYPTED)
    return streamOf(from)
  }
  const [, logN] = AGE_HEADER.exec(start) ?? []
  if (logN === undefined) throw new Error('it is encrypted, but not with a passphrase')
  if (Number(logN) > SCRYPT_LOG_N_MAX)
    throw new Error('it needs more memory to decrypt than any backup of this server')
  const words = await passphrase(attempt)
  if (!words) throw new Error('no passphrase that opens it was given')
  const decrypter = new Decrypter()
  decrypter.addPassphrase(words)
  try {
    return await decrypter.decrypt(streamOf(from))
  } catch (error) {
    if (!(error instanceof Error && error.message === PASSPHRASE_FAULT)) throw error
    return decrypted(wanted, attempt + 1)
  }
}

const streamOf = (path: string): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const chunks = chunksOf(path)
  return new ReadableStream(
    {
      pull: (controller) => {
        const { value, done } = chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => void chunks.return(undefined),
    },
    { highWaterMark: 1 },
  )
}

const NOT_ENCRYPTED =
  'it is not encrypted, though BACKUP_PASSPHRASE is set, so anyone could have created it. If you know where it comes from, run this command with an empty BACKUP_PASSPHRASE'

/** How a file by pg_dump begins, as SQL or in the custom format. */
const DUMP = /^(?:--\n-- PostgreSQL database dump\n|PGDMP)/

const WITHOUT_KEYS =
  'it is a dump by pg_dump, without the keys; backup --pg-dump includes them, and the PostgreSQL page of the manual shows how to verify this dump with a copy of the keys'

/** Returns the first bytes of a file. Throws `unavailable` if it cannot be read. */
const startOf = (path: string): string => {
  try {
    if (!statSync(path).isFile()) throw new Error('it is not a regular file')
    const file = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(HEADER_BYTES_MAX)
      const start = buffer.toString('latin1', 0, readSync(file, buffer))
      if (DUMP.test(start)) throw new Error(WITHOUT_KEYS)
      return start
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw asAppError(`Cannot use the backup ${path}`, error)
  }
}

const readManifest = async ({ header, body }: ParsedTarEntry): Promise<Manifest> => {
  if (header.name !== MANIFEST_FILE || header.size > MANIFEST_BYTES_MAX)
    throw new Error(`it is not a backup of this server: it does not begin with ${MANIFEST_FILE}`)
  return parseManifest(await new Response(body).text())
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))

const asAppError = (what: string, error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError('unavailable', `${what}: ${plainFault(error)}`, { cause: error })

/** The messages of the tar library mean nothing to someone who named the wrong file. */
const plainFault = (error: unknown): string =>
  error instanceof Error && /^(?:Invalid tar|Tar archive) /.test(error.message)
    ? 'it is not a backup of this server, or is damaged'
    : fileFault(error)
