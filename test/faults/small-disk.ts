import { expect } from 'bun:test'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A small disk of its own, mounted with these options, seen only from within one mount namespace,
 * which ends with `holder`. */
export const smallDisk = async (folder: string, options: string) => {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const script = 'mount -t tmpfs -o "$1" tmpfs "$0" && echo mounted && exec sleep 3600'
  const holder = Bun.spawn(['unshare', '-m', 'sh', '-c', script, disk, options], {
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

/** Leaves so many bytes of a disk free, or fewer where others write too; gives what makes room again. */
export const fillUp = (disk: string, freeBytes: number): (() => void) => {
  const { bavail, bsize } = statfsSync(disk)
  const filler = join(disk, 'filler')
  try {
    writeFileSync(filler, Buffer.alloc(Math.max(bavail * bsize - freeBytes, 0), 'x'))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  return () => rmSync(filler)
}
