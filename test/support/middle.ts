import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = { readonly status: number; readonly body: string }

/** A request on its way. */
type Passing = {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body: string
  /** Sends it on, or another path of the same target, and returns the answer. */
  readonly forward: (path?: string) => Promise<Answer>
}

/** What becomes of a request: an answer, or a connection that breaks. */
export type Rule = (passing: Passing) => Promise<Answer | 'cut'>

export const FORWARD: Rule = ({ forward }) => forward()

/** Somebody on the wire between a server and its clients, in plain HTTP. */
export const middleOf = async (target: string) => {
  let rule: Rule = FORWARD
  const server = createServer((request, response) => {
    void pass(request, response).catch(() => request.socket.destroy())
  })

  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url: path = '/', socket } = request
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const parts: Buffer[] = []
    for await (const part of request) parts.push(Buffer.from(part as Uint8Array))
    const body = Buffer.concat(parts).toString('utf8')
    const forward = async (to = path): Promise<Answer> => {
      const { authorization, 'content-type': type } = request.headers
      const answer = await fetch(target + to, {
        method,
        headers: {
          ...(authorization ? { authorization } : {}),
          ...(type ? { 'content-type': type } : {}),
        },
        ...(method === 'GET' ? {} : { body }),
        signal: gone.signal,
      })
      return { status: answer.status, body: await answer.text() }
    }
    const answer = await rule({ method, path, body, forward })
    if (answer === 'cut') {
      socket.destroy()
      return
    }
    // Each answer ends its connection, so that a cut reaches the next request too.
    response.writeHead(answer.status, {
      connection: 'close',
      date: new Date().toUTCString(),
      'content-type': 'application/json',
    })
    response.end(answer.status === 204 ? undefined : answer.body)
  }

  server.listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Decides about each request from now on. */
    rule: (next: Rule): void => {
      rule = next
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
