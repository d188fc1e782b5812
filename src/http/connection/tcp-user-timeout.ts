import { setOnListeningSockets } from './listening-sockets.ts'

// tcp(7)
const IPPROTO_TCP = 6
const TCP_USER_TIMEOUT = 18

/** Makes the kernel close each connection whose other end has not acknowledged sent data for this
 * long, such as a phone that went out of reach. By default it retries for a quarter of an hour, and
 * meanwhile the heartbeats of a stream appear to be sent. Without this option, a dead connection only
 * lasts longer. */
export const setTcpUserTimeout = (afterMs: number): void => {
  setOnListeningSockets(IPPROTO_TCP, TCP_USER_TIMEOUT, new Int32Array([afterMs]))
}
