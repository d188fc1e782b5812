import { Agent, request } from 'node:http'

type Answer = {
  readonly status: number
  readonly retryAfterSeconds: number
  readonly body: Readonly<Record<string, unknown>>
}

/** A client at an address of its own in 127.0.0.0/8, with one connection for each request at once. */
export const clientFrom = (url: string, localAddress: string) => {
  const agent = new Agent({ keepAlive: true, localAddress })
  return {
    post: (path: string, sent: unknown): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const body = JSON.stringify(sent)
        const options = { agent, localAddress, method: 'POST' }
        const headers = {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        }
        const sending = request(`${url}${path}`, { ...options, headers }, (response) => {
          const pieces: Buffer[] = []
          response.on('data', (piece: Buffer) => pieces.push(piece))
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              retryAfterSeconds: Number(response.headers['retry-after']),
              body: JSON.parse(Buffer.concat(pieces).toString('utf8')) as Answer['body'],
            }),
          )
          response.on('error', reject)
        })
        sending.on('error', reject)
        sending.end(body)
      }),
    close: (): void => agent.destroy(),
  }
}
