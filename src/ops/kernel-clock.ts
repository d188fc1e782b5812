import { dlopen, ptr } from 'bun:ffi'

/** What adjtimex(2) gives where no time server disciplines the clock. */
const TIME_ERROR = 5

/** struct timex of the kernel has 208 bytes on 64-bit systems; all zero it only asks. */
const TIMEX_BYTES = 256

/** Whether the system's clock follows a time server, by the kernel's own word, whichever program
 * keeps it; nothing where the kernel cannot be asked. */
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
