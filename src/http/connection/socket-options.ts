import { setOnListeningSockets } from './listening-sockets.ts'

// socket(7) and tcp(7); the same numbers on x86-64 and arm64.
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const IPPROTO_TCP = 6
const TCP_MAXSEG = 2
const TCP_USER_TIMEOUT = 18

/** Makes the kernel close each connection whose other end has not acknowledged sent data for this
 * long, such as a phone that went out of reach. By default it retries for a quarter of an hour, and
 * meanwhile the heartbeats of a stream appear to be sent. Without this option, a dead connection only
 * lasts longer. */
export const setTcpUserTimeout = (afterMs: number): void => {
  setOnListeningSockets(IPPROTO_TCP, TCP_USER_TIMEOUT, new Int32Array([afterMs]))
}

/** Segments of the loopback device are 64 KiB by default; one that fills the buffer waits for a delayed
 * acknowledgement, 40 ms each time. Those of Ethernet and Wi-Fi are smaller than this anyway. */
const SEGMENT_BYTES_MAX = 4096

/** Limits what the kernel keeps of an answer that its reader does not take; it reserves twice as much.
 * By default that grows to 4 MiB for each connection, and counts as memory of the service. */
export const setSendBuffer = (bytes: number): void => {
  setOnListeningSockets(IPPROTO_TCP, TCP_MAXSEG, new Int32Array([SEGMENT_BYTES_MAX]))
  setOnListeningSockets(SOL_SOCKET, SO_SNDBUF, new Int32Array([bytes]))
}
