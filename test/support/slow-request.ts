import { type Socket, connect } from 'node:net'

type Slow = {
  readonly method: string
  readonly path: string
  readonly token: string
  readonly body: string
}

/** Writes to a server's connection, and waits until the server has read it: after two more answers,
 * the server has polled all of its connections. */
export const writeAndSee = async (socket: Socket, url: string, text: string): Promise<void> => {
  await new Promise<void>((written) => socket.write(text, () => written()))
  for (let answers = 0; answers < 2; answers += 1) await fetch(`${url}/livez`)
}

/** Sends a request without the end of its body, and waits until the server has started it. Returns a
 * function that sends the rest and resolves with the status of the answer. */
export const slowRequest = async (url: string, { method, path, token, body }: Slow) => {
  const { hostname, port } = new URL(url)
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: lock.home',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  const socket = connect(Number(port), hostname)
  const answer = new Promise<number>((done, fail) => {
    let text = ''
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', fail).on('close', () => done(Number(text.slice(9, 12))))
  })
  await writeAndSee(socket, url, `${head.join('\r\n')}\r\n\r\n${body.slice(0, 1)}`)
  return (): Promise<number> => {
    socket.write(body.slice(1))
    return answer
  }
}
