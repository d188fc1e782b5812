import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/** Returns the CPU time of a process in microseconds, of all threads and of the main one alone. From proc(5):
 * user and system time are fields 14 and 15 of `stat`, in hundredths of a second. */
export const cpuUs = (pid: number): { readonly all: number; readonly main: number } => ({
  all: usIn(`/proc/${pid}/stat`),
  main: usIn(`/proc/${pid}/task/${pid}/stat`),
})

const usIn = (path: string): number => {
  const afterName = readFileSync(path, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return 10_000 * (Number(afterName[11]) + Number(afterName[12]))
}

export const threads = (pid: number): number => readdirSync(`/proc/${pid}/task`).length

/** Returns the resident memory now (`VmRSS`), or the highest since `resetPeak` (`VmHWM`). */
export const memoryMiB = (pid: number, field: 'VmRSS' | 'VmHWM'): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
}

export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')
