import { dlopen, ptr } from 'bun:ffi'
import { HOUR_MS } from '../../domain/duration.ts'

/** Notifies the service manager (sd_notify(3)); does nothing without one. */
type SdNotify = {
  /** The start takes longer than usual: up to an hour from now. */
  readonly upgrading: () => void
  /** Requests are accepted from now on. Starts the watchdog's heartbeat, sent while the event loop
   * is running. */
  readonly ready: () => void
  /** Configuration is being read again, until the next `ready`. */
  readonly reloading: () => void
  readonly stopping: () => void
}

/** Returns the notifications for the service manager that NOTIFY_SOCKET names. If a notification
 * cannot be sent, the service keeps running. */
export const sdNotify = (env: Readonly<Record<string, string | undefined>>): SdNotify => {
  const path = env['NOTIFY_SOCKET']
  if (!path)
    return { upgrading: () => {}, ready: () => {}, reloading: () => {}, stopping: () => {} }
  const send = datagrams(path)
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000
  let watching: Timer | undefined
  return {
    upgrading: () => send(`EXTEND_TIMEOUT_USEC=${HOUR_MS * 1000}`),
    ready: () => {
      send('READY=1')
      if (watchdogMs > 0) watching ??= setInterval(() => send('WATCHDOG=1'), watchdogMs / 3)
    },
    reloading: () => send('RELOADING=1'),
    stopping: () => {
      clearInterval(watching)
      send('STOPPING=1')
    },
  }
}

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 0o2_000_002
const MSG_NOSIGNAL = 0x4000

/** Sends through the C library, as neither Bun (not reported upstream as of 2026-11) nor Node
 * (https://github.com/nodejs/node/issues/61933) has datagram sockets of the Unix domain. */
const datagrams = (path: string): ((text: string) => void) => {
  const { socket, sendto, close } = dlopen('libc.so.6', {
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64' },
    close: { args: ['i32'], returns: 'i32' },
  }).symbols
  // struct sockaddr_un; a name that begins with @ is abstract, and then with a zero byte.
  const address = Buffer.concat([
    new Uint8Array(new Uint16Array([AF_UNIX]).buffer),
    Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`),
  ])
  return (text) => {
    const descriptor = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
    if (descriptor < 0) return
    const message = Buffer.from(text)
    sendto(descriptor, ptr(message), message.length, MSG_NOSIGNAL, ptr(address), address.length)
    close(descriptor)
  }
}
