import { dlopen, ptr } from 'bun:ffi'

/** What a service manager is told (sd_notify(3)); nothing where none listens. */
export type ServiceManager = {
  /** Requests are taken from now on; from then on it is also told that the event loop turns. */
  readonly ready: () => void
  /** Files are read anew, until the next `ready`. */
  readonly reloading: () => void
  readonly stopping: () => void
}

/** Speaks to the service manager that NOTIFY_SOCKET names. Bun has no datagram sockets of this
 * kind, so that the C library sends; where it cannot, the service runs on, and is not watched. */
export const serviceManager = (
  env: Readonly<Record<string, string | undefined>>,
): ServiceManager => {
  const path = env['NOTIFY_SOCKET']
  if (!path) return { ready: () => {}, reloading: () => {}, stopping: () => {} }
  const send = datagrams(path)
  const watchdogMs = Number(env['WATCHDOG_USEC'] ?? 0) / 1000
  let watching: Timer | undefined
  return {
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
