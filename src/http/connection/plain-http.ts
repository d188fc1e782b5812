import { dlopen, ptr } from 'bun:ffi'
import type { ConnectionTable } from './open-connections.ts'
import {
  type Instruction,
  LIBC,
  attachProgram,
  setOnListeningSockets,
} from './listening-sockets.ts'

// A browser that follows an old bookmark speaks plain HTTP to the port that now speaks HTTPS. Bun closes
// such a connection without a word as soon as it reads from it, and has no hook before that (not reported
// upstream as of 2026-11). So the kernel keeps the request from it, and counts it as dropped, so that
// the next look at the open connections finds it.

/** The first five bytes of the requests that are kept back. One in 2^37 segments of an encrypted connection
 * begins like this by chance, and no segment of a handshake does. */
const BEGINNINGS = ['GET /', 'HEAD ', 'POST ', 'PUT /', 'PATCH', 'DELET', 'OPTIO'].map((text) =>
  Buffer.from(text),
)

// Classic BPF, linux/bpf_common.h.
const LOAD_WORD = 0x40
const LOAD_BYTE = 0x50
const LOAD_BYTE_AT = 0x30
const LOAD_LENGTH = 0x80
const AND = 0x54
const SHIFT_RIGHT = 0x74
const COPY_TO_X = 0x07
const SUBTRACT_X = 0x1c
const IF_AT_LEAST = 0x35
const IF_EQUAL = 0x15
const RETURN = 0x06

const KEEP: Instruction = [RETURN, 0, 0, 0xff_ff_ff_ff]
const DROP: Instruction = [RETURN, 0, 0, 0]

/** Drops each TCP segment whose data begins like a request of plain HTTP. */
const program = (): readonly Instruction[] => {
  const comparisons = BEGINNINGS.flatMap((beginning, index): readonly Instruction[] => {
    const toDrop = 4 * (BEGINNINGS.length - index - 1) + 1
    return [
      [LOAD_WORD, 0, 0, 0],
      [IF_EQUAL, 0, 2, beginning.readUInt32BE(0)],
      [LOAD_BYTE, 0, 0, 4],
      [IF_EQUAL, toDrop, 0, beginning.readUInt8(4)],
    ]
  })
  return [
    // X: the length of the TCP header, four times the upper half of its 13th byte (RFC 9293, 3.1).
    [LOAD_BYTE_AT, 0, 0, 12],
    [AND, 0, 0, 0xf0],
    [SHIFT_RIGHT, 0, 0, 2],
    [COPY_TO_X, 0, 0, 0],
    [LOAD_LENGTH, 0, 0, 0],
    [SUBTRACT_X, 0, 0, 0],
    [IF_AT_LEAST, 0, comparisons.length, 5],
    ...comparisons,
    KEEP,
    DROP,
  ]
}

// socket(7) and tcp(7); the same numbers on x86-64 and arm64.
const SO_ATTACH_FILTER = 26
const IPPROTO_TCP = 6
const TCP_DEFER_ACCEPT = 9

/** Keeps requests of plain HTTP from the servers that listen now; the connections that they accept inherit
 * this. They accept a connection at once, and not with its first data, because until then the segment would
 * be dropped for the listening socket. */
export const keepBackPlainHttp = (): void => {
  setOnListeningSockets(IPPROTO_TCP, TCP_DEFER_ACCEPT, new Int32Array([0]))
  attachProgram(SO_ATTACH_FILTER, program())
}

const SOL_SOCKET = 1
const SO_MEMINFO = 55
/** Where SO_MEMINFO has the number of dropped segments; see linux/sock_diag.h. */
const DROPS = 8
const MEMINFO_FIELDS = 9
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** Returns a function that looks among the open files for connections whose request was kept back, and
 * answers them with one sentence that has the address of this server. */
export const plainHttpAnswers = (
  { connectionsAmong, end }: ConnectionTable,
  localPort: number,
  address: () => string,
) => {
  const { getsockopt, send } = dlopen(LIBC, {
    getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
    send: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
  }).symbols
  const memory = new Uint32Array(MEMINFO_FIELDS)
  const size = new Uint32Array(1)
  const hasDrops = (file: number): boolean => {
    size[0] = memory.byteLength
    return (
      getsockopt(file, SOL_SOCKET, SO_MEMINFO, ptr(memory), ptr(size)) === 0 &&
      (memory[DROPS] ?? 0) > 0
    )
  }
  return (files: readonly number[]): void => {
    // A connection over TLS that lost a segment has received others.
    for (const connection of connectionsAmong(files.filter(hasDrops), localPort))
      if (connection.receivedBytes === 0n) {
        const answer = Buffer.from(plainAnswer(address()))
        send(connection.file, ptr(answer), answer.byteLength, MSG_DONTWAIT | MSG_NOSIGNAL)
        end(connection)
      }
  }
}

const plainAnswer = (address: string): string => {
  const body = `<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>HTTPS</title>
<p>This server speaks HTTPS: <a href="${Bun.escapeHTML(address)}/">${Bun.escapeHTML(address)}/</a></p>
`
  return [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
