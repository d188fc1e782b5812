import { dlopen, ptr } from 'bun:ffi'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What adjtimex(2) returns if no time server disciplines the clock. */
const TIME_ERROR = 5

/** struct timex of the kernel has 208 bytes on 64-bit systems; all zeros only query. */
const TIMEX_BYTES = 256

/** Returns whether the kernel says that the system's clock follows a time server, whichever program
 * sets it, or undefined if the kernel cannot be queried. */
export const isClockSynchronised = (): boolean | undefined => {
  try {
    const { adjtimex } = dlopen('libc.so.6', {
      adjtimex: { args: ['ptr'], returns: 'i32' },
    }).symbols
    const state = adjtimex(ptr(new Uint8Array(TIMEX_BYTES)))
    return state < 0 ? undefined : state !== TIME_ERROR
  } catch {
    return undefined
  }
}

/** What systemd-timesyncd, chrony, ntpd and OpenNTPD keep in /run while they run. */
const TIME_CLIENTS = ['systemd/timesync', 'chrony', 'chronyd.pid', 'ntpd.pid', 'openntpd.pid']

/** Returns whether a program on this machine asks a time server, whether it is answered or not. Programs
 * that leave no trace, such as BusyBox’s, are not seen. */
export const asksTimeServer = (run = '/run'): boolean =>
  TIME_CLIENTS.some((name) => existsSync(join(run, name)))
