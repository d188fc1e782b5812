import { dlopen, ptr } from 'bun:ffi'
import { readFileSync, readdirSync } from 'node:fs'
import ipaddr from 'ipaddr.js'
import { LIBC } from './listening-sockets.ts'

/** An accepted connection, as the kernel sees it. */
export type OpenConnection = {
  readonly file: number
  /** The peer's, in canonical form; IPv4-mapped IPv6 addresses become IPv4. */
  readonly address: string
  readonly port: number
  /** Milliseconds since data was received from the peer or sent to it. */
  readonly idleMs: number
  /** Milliseconds since data was sent. */
  readonly unsentMs: number
  /** Bytes of data received from the peer so far. */
  readonly receivedBytes: bigint
  /** Data waits for the peer to read what was sent before. */
  readonly isUnread: boolean
}

// The same numbers on x86-64 and arm64: socket(7), ip(7), ipv6(7), tcp(7), shutdown(2).
const AF_INET = 2
const AF_INET6 = 10
const IPPROTO_TCP = 6
const TCP_INFO = 11
const SOL_SOCKET = 1
const SO_LINGER = 13
const SHUT_RDWR = 2

/** Where struct tcp_info of linux/tcp.h has these, in bytes; the last two since Linux 4.6. */
const LAST_DATA_SENT = 44
const LAST_DATA_RECEIVED = 52
const RECEIVED_BYTES = 128
const NOT_SENT_BYTES = 144
const TCP_INFO_BYTES = 256

/** `struct sockaddr_in6`, the longest address of a TCP socket. */
const NAME_BYTES = 28

export type ConnectionTable = ReturnType<typeof connectionTable>

/** Lists and closes the accepted connections of this process. Throws on systems other than Linux.
 *
 * Bun.serve does not count connections, has no limit for them, and says nothing of one that sends no
 * request (not reported upstream as of 2026-11). At the limit of open files it uses a whole core
 * until one is closed (https://github.com/oven-sh/bun/pull/32705). */
export const connectionTable = () => {
  const filesMax = openFilesMax()
  const { getsockname, getpeername, getsockopt, setsockopt, shutdown } = dlopen(LIBC, {
    getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
    getpeername: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
    getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    shutdown: { args: ['i32', 'i32'], returns: 'i32' },
  }).symbols
  const name = Buffer.alloc(NAME_BYTES)
  const info = Buffer.alloc(TCP_INFO_BYTES)
  const size = new Uint32Array(1)
  // struct linger: on, zero seconds.
  const reset = new Int32Array([1, 0])
  const readName = (read: typeof getsockname, file: number): boolean => {
    size[0] = name.byteLength
    return read(file, ptr(name), ptr(size)) === 0
  }
  const readInfo = (file: number): boolean => {
    size[0] = info.fill(0).byteLength
    return getsockopt(file, IPPROTO_TCP, TCP_INFO, ptr(info), ptr(size)) === 0
  }

  /** Returns the connection behind an open file, or undefined if that is something else. */
  const connectionAt = (file: number, localPort: number): OpenConnection | undefined => {
    if (!readName(getsockname, file) || !isTcp(name) || portIn(name) !== localPort) return undefined
    // Fails for a socket that listens.
    if (!readName(getpeername, file)) return undefined
    const [address, port] = [addressIn(name), portIn(name)]
    if (!readInfo(file)) return undefined
    const unsentMs = info.readUInt32LE(LAST_DATA_SENT)
    return {
      file,
      address,
      port,
      idleMs: Math.min(unsentMs, info.readUInt32LE(LAST_DATA_RECEIVED)),
      unsentMs,
      receivedBytes: info.readBigUInt64LE(RECEIVED_BYTES),
      isUnread: info.readUInt32LE(NOT_SENT_BYTES) > 0,
    }
  }

  return {
    /** The most files this process may have open. */
    filesMax,

    /** The numbers of all open files. */
    openFiles: (): readonly number[] => {
      try {
        return readdirSync('/proc/self/fd').map(Number)
      } catch {
        // Not even the folder can be opened, so every number is in use.
        return Array.from({ length: filesMax }, (_, file) => file)
      }
    },

    /** Returns those of the files that are connections to a port. */
    connectionsAmong: (files: readonly number[], localPort: number): readonly OpenConnection[] =>
      files.flatMap((file) => connectionAt(file, localPort) ?? []),

    /** Ends a connection; Bun then closes it like one that the peer has ended. What the peer has not
     * read is dropped, where the kernel would keep it until the peer acknowledges it. Call it in the
     * same turn of the event loop in which the connection was listed. */
    end: ({ file, isUnread }: OpenConnection): void => {
      if (isUnread) setsockopt(file, SOL_SOCKET, SO_LINGER, ptr(reset), reset.byteLength)
      shutdown(file, SHUT_RDWR)
    },
  }
}

/** RLIMIT_NOFILE; at its start, Bun raises the soft limit to the hard one. */
const openFilesMax = (): number => {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
}

const familyIn = (name: Buffer): number => name.readUInt16LE(0)

const isTcp = (name: Buffer): boolean => familyIn(name) === AF_INET || familyIn(name) === AF_INET6

const portIn = (name: Buffer): number => name.readUInt16BE(2)

const addressIn = (name: Buffer): string =>
  familyIn(name) === AF_INET
    ? name.subarray(4, 8).join('.')
    : ipaddr.process(ipaddr.fromByteArray([...name.subarray(8, 24)]).toString()).toString()
