/** A request that a receiver of webhooks or notifications got. */
export type Received = {
  readonly id: string
  /** The path of its URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

type Answering = (received: Received) => Response | Promise<Response>

/** A receiver of webhooks and notifications on this machine, which answers 204 unless told otherwise. */
export const startReceiver = (
  options: { readonly tls?: { readonly cert: string; readonly key: string } } = {},
) => {
  const received: Received[] = []
  let answer: Answering = () => new Response(null, { status: 204 })
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    ...options,
    fetch: async (request) => {
      const text = await request.text()
      const { type, data } = JSON.parse(text) as Pick<Received, 'type' | 'data'>
      const headers = Object.fromEntries(request.headers.entries())
      const { pathname: path } = new URL(request.url)
      const one = { id: headers['webhook-id'] ?? '', path, headers, text, type, data }
      received.push(one)
      return answer(one)
    },
  })
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.port}/hook`,
    port: server.port ?? 0,
    received,
    /** The numbers of the unlocks and denials that it was told, in order. */
    seqs: () => received.map(({ data }) => data['seq']),
    answerWith: (next: Answering): void => {
      answer = next
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
