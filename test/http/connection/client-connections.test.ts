import { describe, expect, test } from 'bun:test'
import { type Socket, connect } from 'node:net'
import { clientConnections } from '../../../src/http/connection/client-connections.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { openFrom } from '../../faults/hoard.ts'
import { until } from '../../support/until.ts'

/** Where the server would listen. */
const PLAIN = { host: '127.0.0.1', publicUrl: undefined, tlsCertFile: undefined } as const

const BODY_LIMIT = 64 * 1024
const LARGE = new Blob([new Uint8Array(8 * 1024 ** 2)])

/** A server whose connections are bounded, and what it logs. */
const bounded = () => {
  const lines: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 30,
    fetch: (request, self) => {
      const peer = self.requestIP(request)
      if (peer) connections.begin(request, peer)
      const answer = new Response(request.url.endsWith('/large') ? LARGE : 'here')
      connections.end(request)
      return answer
    },
  })
  const connections = clientConnections({
    ...PLAIN,
    port: server.port ?? 0,
    connectionsPerClient: 16,
    trustedProxies: [],
    bodyBytesMax: BODY_LIMIT,
  })
  connections.watch(
    processLogger({ level: 'warn', format: 'json', write: (line) => void lines.push(line) }),
  )
  return {
    url: server.url.origin,
    port: server.port ?? 0,
    connections,
    lines,
    [Symbol.asyncDispose]: async () => {
      connections[Symbol.dispose]()
      await server.stop(true)
    },
  }
}

describe('the connections of a client', () => {
  test('[G1] are ended beyond its bound, and the log says whose', async () => {
    await using server = bounded()
    using held = await openFrom(server.url, '127.0.0.7', 60)
    using few = await openFrom(server.url, '127.0.0.8', 10)
    await until(() => held.count() <= 16)
    expect([held.count(), few.count()]).toStrictEqual([16, 10])
    expect(server.connections.isScarce()).toBe(false)
    expect(server.lines.join('')).toContain('"client":"127.0.0.7"')
  })

  test('[G2] are ended if too many leave an answer unread', async () => {
    await using server = bounded()
    const open = new Set<Socket>()
    const begin = (host: number) => {
      const localAddress = `127.0.1.${host}`
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress }, () => {
        open.add(socket)
        socket.pause()
        socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
      })
      socket.on('error', () => open.delete(socket)).on('close', () => open.delete(socket))
    }
    // Fifteen each, which a client may have; together they are more than may be unread.
    for (let host = 1; host <= 20; host += 1) for (let at = 0; at < 15; at += 1) begin(host)
    await until(() => server.lines.length > 0)
    expect(server.lines.join('')).toContain('ended connections')
    for (const socket of open) socket.destroy()
  })
})

describe('large bodies', () => {
  const upload = (bytes: number) =>
    new Request('http://x/', { method: 'POST', headers: { 'content-length': String(bytes) } })
  const peer = { address: '192.0.2.1', port: 1 }

  test('[G2] of newcomers are refused beyond twice the bound, those of members apart', () => {
    using connections = clientConnections({
      ...PLAIN,
      port: 1,
      connectionsPerClient: 16,
      trustedProxies: [],
      bodyBytesMax: BODY_LIMIT,
    })
    const begun = (whose: 'newcomer' | 'member', bytes = 5000) => {
      const request = upload(bytes)
      connections.begin(request, peer)
      return { request, hasRoom: connections.hasRoomForBody(request, whose) }
    }
    const accepted = Array.from({ length: 200 }, () => begun('newcomer'))
      .filter(({ hasRoom }) => hasRoom)
      .map(({ request }) => request)
    expect(accepted).toHaveLength(128)
    expect(begun('newcomer', 4096).hasRoom).toBe(true)
    expect(begun('member').hasRoom).toBe(true)
    connections.end(accepted[0] ?? upload(0))
    expect([begun('newcomer').hasRoom, begun('newcomer').hasRoom]).toStrictEqual([true, false])
  })
})
