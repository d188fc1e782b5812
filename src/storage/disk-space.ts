import { statfsSync } from 'node:fs'
import { type Account, isAtLeast, isNewcomer } from '../domain/account.ts'
import { SECOND_MS } from '../domain/duration.ts'
import { AppError } from '../errors.ts'

/** `low`: less than twice the reserve is free. `reserved`: less than the reserve, so newcomers and
 * batches are refused. `last`: members are refused too, and only owners and admins can write. */
export type DiskState = 'ok' | 'low' | 'reserved' | 'last'

export type DiskSpace = ReturnType<typeof diskSpace>

/** What a write is refused below. */
type Reserve = 'reserve' | 'last'

type Dependencies = {
  /** A folder on the disk. */
  readonly folder: string
  /** DISK_RESERVE; 0 for none. */
  readonly reserveBytes: number
  readonly clock: { readonly monotonicMs: () => number }
  /** Returns what the database can fill before its file grows. */
  readonly unusedBytes: () => Promise<number>
  /** Called after each refusal. */
  readonly onRefusal?: (reserve: Reserve) => void
}

/** What owners and admins need to log in, look, disable, close registration and erase: the WAL of a
 * step of an erasure takes up to 10 MiB, and everything else a few hundred KiB. */
const LAST_BYTES = 16 * 1024 ** 2

/** Below this a disk counts as full. */
const FULL_BYTES = 1024 ** 2

/** On a small disk, reserves are at most these shares of it. */
const RESERVE_SHARE_MAX = 3 / 4
const LAST_SHARE_MAX = 1 / 4

/** How long a reading of the free space is used. A second of writing takes less than the reserve. */
const READ_EVERY_MS = SECOND_MS

/** Returns the reserves of a disk in bytes: DISK_RESERVE, and the last one for owners and admins. */
export const diskReserves = (reserveBytes: number, totalBytes: number) => ({
  reserve: Math.min(reserveBytes, totalBytes * RESERVE_SHARE_MAX),
  last: Math.min(reserveBytes, LAST_BYTES, totalBytes * LAST_SHARE_MAX),
})

export type DiskReserves = ReturnType<typeof diskReserves>

export const readDisk = (folder: string) => {
  const { bavail, bsize, blocks } = statfsSync(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/** Keeps space free on the disk for what matters most. Asking costs nothing: the disk is read once a
 * second at most. */
export const diskSpace = (deps: Dependencies) => {
  const { folder, reserveBytes, clock, unusedBytes, onRefusal = () => {} } = deps
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading = { freeBytes: 0, totalBytes: 0 }
  let unused = 0

  const thresholds = () => diskReserves(reserveBytes, reading.totalBytes)

  const read = (): void => {
    const nowMs = clock.monotonicMs()
    if (nowMs - readAtMs < READ_EVERY_MS) return
    readAtMs = nowMs
    reading = readDisk(folder)
    if (reading.freeBytes >= 2 * thresholds().reserve) unused = 0
    else
      unusedBytes().then(
        (bytes) => (unused = bytes),
        () => (unused = 0),
      )
  }

  const state = (): DiskState => {
    read()
    const { reserve, last } = thresholds()
    // The WAL grows even if the database does not.
    if (reading.freeBytes < last) return 'last'
    const freeBytes = reading.freeBytes + unused
    if (freeBytes < reserve) return 'reserved'
    return freeBytes < 2 * reserve ? 'low' : 'ok'
  }

  /** Throws `unavailable` if the disk has less than a reserve free. */
  const requireRoom = (reserve: Reserve): void => {
    const now = state()
    if (now !== 'last' && (now !== 'reserved' || reserve === 'last')) return
    onRefusal(reserve)
    throw new AppError('unavailable', DISK_RESERVED, { reason: 'disk_reserved' })
  }

  return {
    state,

    /** True while what anyone can cause is kept in memory, so that it does not take the last reserve.
     * Once nothing fits any more, it is refused like everything else. */
    keepsInMemory: (): boolean => state() === 'last' && reading.freeBytes >= FULL_BYTES,

    /** True if newcomers are refused. */
    isReserved: (): boolean => ['reserved', 'last'].includes(state()),

    requireRoom,

    /** Throws `unavailable` if the disk has no room for what this account writes: newcomers are
     * refused first, then members; owners and admins never. */
    requireRoomFor: (account: Account | undefined): void => {
      if (account === undefined || isNewcomer(account)) requireRoom('reserve')
      else if (!isAtLeast(account.roleHeldBack ?? account.role, 'admin')) requireRoom('last')
    },
  }
}

export const DISK_RESERVED =
  'The disk of this server is nearly full; this is refused until its owner has made room'
