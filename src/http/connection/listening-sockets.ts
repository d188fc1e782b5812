import { dlopen, ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'

// socket(7); the same numbers on x86-64 and arm64.
const SOL_SOCKET = 1
const SO_ACCEPTCONN = 30

/** Sets an option of setsockopt(2) on every socket this process listens on; accepted connections
 * inherit most options. Returns false if it could not be set on any, as on systems other than Linux. */
export const setOnListeningSockets = (
  level: number,
  option: number,
  value: NodeJS.TypedArray,
): boolean =>
  onListeningSockets(
    ({ setsockopt }, file) => setsockopt(file, level, option, ptr(value), value.byteLength) === 0,
  )

/** An instruction of classic BPF, `struct sock_filter`: what to do, how many instructions to skip if it is
 * true or false, and its operand. */
export type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number]

/** Attaches a program of classic BPF to every socket this process listens on. Returns false if it could
 * not be attached to any. */
export const attachProgram = (option: number, program: readonly Instruction[]): boolean => {
  const instructions = Buffer.alloc(8 * program.length)
  for (const [index, [code, ifTrue, ifFalse, operand]] of program.entries()) {
    instructions.writeUInt16LE(code, 8 * index)
    instructions.writeUInt8(ifTrue, 8 * index + 2)
    instructions.writeUInt8(ifFalse, 8 * index + 3)
    instructions.writeUInt32LE(operand, 8 * index + 4)
  }
  // struct sock_fprog: the number of instructions, and where they are.
  const attached = Buffer.alloc(16)
  attached.writeUInt16LE(program.length, 0)
  attached.writeBigUInt64LE(BigInt(ptr(instructions)), 8)
  return setOnListeningSockets(SOL_SOCKET, option, attached)
}

/** Sets how many new connections the kernel keeps for this process until it accepts them, up to
 * net.core.somaxconn. */
export const setBacklog = (connections: number): void => {
  onListeningSockets(({ listen }, file) => listen(file, connections) === 0)
}

/** Returns whether `work` did it for any socket.
 *
 * Bun.serve has no socket options (not reported upstream as of 2026-11) and does not expose its file
 * descriptors, so this finds them in /proc. */
const onListeningSockets = (
  work: (calls: ReturnType<typeof socketCalls>, file: number) => boolean,
): boolean => {
  try {
    const calls = socketCalls()
    const answer = new Int32Array(1)
    const size = new Uint32Array([answer.byteLength])
    const isListening = (file: number): boolean =>
      calls.getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, ptr(answer), ptr(size)) === 0 &&
      answer[0] === 1
    const done = readdirSync('/proc/self/fd')
      .map(Number)
      .filter(isListening)
      .map((file) => work(calls, file))
    return done.includes(true)
  } catch {
    return false
  }
}

/** Loads the calls once, because each time delays a start by a millisecond. */
const socketCalls = () => (loadedCalls ??= loadCalls())

let loadedCalls: ReturnType<typeof loadCalls> | undefined

const loadCalls = () =>
  dlopen(LIBC, {
    getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    listen: { args: ['i32', 'i32'], returns: 'i32' },
  }).symbols

/** glibc's name, which musl accepts too. */
export const LIBC = 'libc.so.6'
