import { dlopen, ptr } from 'bun:ffi'

/** Lets a second listener of this process take over a port without losing a connection. */
export type PortSharing = {
  /** Lets another listener of this user be opened beside those there are; false where it cannot. */
  readonly share: () => boolean
  /** Sends every new connection to one of the listeners, in the kernel's order of them. */
  readonly steerTo: (index: number) => boolean
}

// Linux, socket(7); the same numbers on x86-64 and arm64.
const SOL_SOCKET = 1
const SO_REUSEPORT = 15
const SO_ACCEPTCONN = 30
const SO_ATTACH_REUSEPORT_CBPF = 51

/** Where descriptors are looked for; listeners are opened early and have low numbers. */
const DESCRIPTORS_MAX = 8192

/** Bun has no way to change a certificate in place or to hand a listener over, so that the C library
 * sets what both take. Gives undefined where there is none that does. */
export const portSharing = (port: number): PortSharing | undefined => {
  const libc = openLibc()
  if (!libc) return undefined
  const { getsockopt, setsockopt, getsockname } = libc

  const isListener = (descriptor: number): boolean => {
    const value = new Int32Array(1)
    const length = new Uint32Array([4])
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length)) !== 0)
      return false
    return value[0] === 1 && portOf(descriptor) === port
  }

  /** The port stands at the same place in sockaddr_in and sockaddr_in6. */
  const portOf = (descriptor: number): number => {
    const address = Buffer.alloc(28)
    const length = new Uint32Array([address.length])
    if (getsockname(descriptor, ptr(address), ptr(length)) !== 0) return 0
    return address.readUInt16BE(2)
  }

  const listeners = () => Array.from({ length: DESCRIPTORS_MAX }, (_, at) => at).filter(isListener)

  return {
    share: () => {
      const found = listeners()
      const on = new Int32Array([1])
      const setOne = (one: number) => setsockopt(one, SOL_SOCKET, SO_REUSEPORT, ptr(on), 4) === 0
      return found.length > 0 && found.every(setOne)
    },
    steerTo: (index) => {
      const [any] = listeners()
      if (any === undefined) return false
      // struct sock_filter: BPF_RET | BPF_K, "always this one".
      const program = Buffer.alloc(8)
      program.writeUInt16LE(0x06, 0)
      program.writeUInt32LE(index, 4)
      // struct sock_fprog: how many instructions, and where they are.
      const given = Buffer.alloc(16)
      given.writeUInt16LE(1, 0)
      given.writeBigUInt64LE(BigInt(ptr(program)), 8)
      return setsockopt(any, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, ptr(given), given.length) === 0
    },
  }
}

const openLibc = () => {
  for (const name of LIBC_NAMES)
    try {
      return dlopen(name, {
        getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
        setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
        getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
      }).symbols
    } catch {
      // The next name, or none.
    }
  return undefined
}

/** glibc, and musl. */
const LIBC_NAMES = process.platform === 'linux' ? ['libc.so.6', 'libc.so'] : []
