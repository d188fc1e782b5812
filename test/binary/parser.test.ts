import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, startService } from '../support/binary.ts'

/** What the manual says of the runtime's parser; see "Reports to Bun" in test/README.md. */
describe('the HTTP parser of the runtime', () => {
  let service: Service
  let token: string

  beforeAll(async () => {
    service = await startService({ env: UNLIMITED })
    await addAccount('ada', { folder: service.folder })
    token = await tokenFor(service.url, 'ada')
  })

  afterAll(() => service.stop())

  /** Sends bytes and returns the statuses that come back until the server ends the connection. */
  const statusesFor = (bytes: string): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      let received = ''
      const { hostname, port } = new URL(service.url)
      const socket = connect(Number(port), hostname, () => socket.write(bytes))
      socket.on('data', (data) => (received += data.toString()))
      socket.on('error', reject)
      socket.on('close', () =>
        resolve([...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))),
      )
    })

  const request = (
    method: string,
    how: { readonly verb?: string; readonly isChunked?: boolean },
  ) => {
    const body = JSON.stringify({ 'unlocking-method': method })
    const length = how.isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
    const head = [
      `${how.verb ?? 'POST'} /logUnlocking HTTP/1.1`,
      'Host: x',
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      length,
    ]
    const sent = how.isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n` : body
    return `${head.join('\r\n')}\r\n\r\n${sent}`
  }

  const recorded = async (method: string): Promise<number> => {
    const query = `/v1/unlocks?method=${encodeURIComponent(method)}`
    const answer = await clientOf(service.url).get(query, bearer(token))
    return ((await answer.json()) as { unlocks: object[] }).unlocks.length
  }

  test('still refuses what the manual says: an empty line after the body, pipelining, a trailer', async () => {
    const [line, twice, trailer] = ['line', 'twice', 'trailer'] as const
    expect(await statusesFor(`${request(line, {})}\r\n`)).toEqual([400])
    expect(await statusesFor(request(twice, {}).repeat(2))).toEqual([])
    expect(await statusesFor(`${request(trailer, { isChunked: true })}x-a: 1\r\n\r\n`)).toEqual([
      400,
    ])
    // Without them, the same requests are answered.
    const closing = (bytes: string) => bytes.replace('Host: x', 'Host: x\r\nConnection: close')
    expect(await statusesFor(closing(request('plain', {})))).toEqual([200])
    expect(await statusesFor(closing(`${request('chunked', { isChunked: true })}\r\n`))).toEqual([
      200,
    ])
    // No case records an unlock twice.
    for (const method of [line, twice, trailer])
      expect(await recorded(method)).toBeLessThanOrEqual(1)
    expect([await recorded('plain'), await recorded('chunked')]).toEqual([1, 1])
  })

  test('still answers a method in lower case with nothing, and records nothing', async () => {
    expect(await statusesFor(request('lower', { verb: 'post' }))).toEqual([])
    expect(await recorded('lower')).toBe(0)
  })
})
