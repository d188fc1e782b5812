import { expect } from 'bun:test'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A small disk that is visible only in one mount namespace, which ends with `holder`. */
export const smallDisk = async (folder: string, ...mount: readonly string[]) => {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const script = 'disk=$0; mount "$@" "$disk" && echo mounted && exec sleep 3600'
  const holder = Bun.spawn(['unshare', '-m', 'sh', '-c', script, disk, ...mount], {
    stdout: 'pipe',
  })
  const { value } = await holder.stdout.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('mounted\n')
  return {
    disk,
    /** The same folder, as this process can reach it. */
    outside: `/proc/${holder.pid}/root${disk}`,
    within: ['nsenter', '-t', String(holder.pid), '-m'],
    [Symbol.asyncDispose]: async () => {
      holder.kill('SIGKILL')
      await holder.exited
    },
  }
}

/** How a small disk in memory is mounted, optionally with a limit of inodes. */
export const inMemory = (mebibytes: number, inodes = 0): readonly string[] => [
  '-t',
  'tmpfs',
  '-o',
  `size=${mebibytes}m,nr_inodes=${inodes}`,
  'tmpfs',
]

/** Leaves that many bytes of a disk free; returns a function that makes room again. */
export const fillUp = (disk: string, freeBytes: number): (() => void) => {
  const { bavail, bsize } = statfsSync(disk)
  const filler = join(disk, 'filler')
  try {
    writeFileSync(filler, Buffer.alloc(Math.max(bavail * bsize - freeBytes, 0), 'x'))
  } catch (error) {
    // Others wrote meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  return () => rmSync(filler)
}
