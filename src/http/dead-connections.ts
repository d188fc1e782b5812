import { dlopen, ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'

/** Numbers of socket(7) and tcp(7), the same on all of Linux's processors that this runs on. */
const SOL_SOCKET = 1
const SO_ACCEPTCONN = 30
const IPPROTO_TCP = 6
const TCP_USER_TIMEOUT = 18

/** Lets the kernel end each connection whose other end has confirmed nothing of what it was sent for
 * so long, as of a phone that went out of reach. By itself it tries on for a quarter of an hour, and
 * a stream's heartbeats look sent all the while. Bun has no such option, so it is set on the sockets
 * that listen, from which those that are accepted inherit it; where there is no such C library, the
 * kernel's own patience holds. */
export const setTcpUserTimeout = (afterMs: number): void => {
  try {
    const { getsockopt, setsockopt } = dlopen('libc.so.6', {
      getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
      setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    }).symbols
    const value = new Int32Array(1)
    const size = new Uint32Array([value.byteLength])
    const isListening = (file: number): boolean => {
      value[0] = 0
      return (
        getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(size)) === 0 && value[0] === 1
      )
    }
    for (const file of readdirSync('/proc/self/fd').map(Number)) {
      if (!isListening(file)) continue
      value[0] = afterMs
      setsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, ptr(value), value.byteLength)
    }
  } catch {
    // Without it a dead connection only lasts longer.
  }
}
