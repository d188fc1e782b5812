import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Open file descriptors of a process. */
export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Resident memory of a process. */
export const memoryMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** The memory that the unit allows. */
export const MEMORY_MIB = 512

/** The command that runs a process in a cgroup of 512 MiB; nothing if none can be created here. */
export const memoryCgroup = (tell: (words: string) => void) => {
  for (const [root, limit] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const folder = join(root, `secure-lock-test-${process.pid}`)
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, limit), `${MEMORY_MIB}M`)
      return {
        within: ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh'],
        [Symbol.dispose]: () => rmdirSync(folder),
      }
    } catch {
      // Another version of cgroups, or not root.
    }
  }
  tell('no memory cgroup can be created here: nothing but resident memory is bounded')
  return { within: [], [Symbol.dispose]: () => {} }
}

/** The highest resident memory that a process had. */
export const peakMiB = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
