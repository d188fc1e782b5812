import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'

test('[G12] an Idempotency-Key that is not as documented is refused with 400, and nothing is recorded', async () => {
  const folder = temporaryFolder()
  await using service = await startService({ folder, env: UNLIMITED })
  await addAccount('mia', { folder, env: UNLIMITED })
  const token = await tokenFor(service.url, 'mia')
  const { hostname, port } = new URL(service.url)
  /** Sends the bytes of a header as they are. */
  const send = (key: string) =>
    new Promise<string>((done) => {
      const body = '{"unlocking-method":"pin"}'
      const lines = [
        'POST /logUnlocking HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        `Authorization: Bearer ${token}`,
        `Idempotency-Key: ${key}`,
        'Connection: close',
      ]
      const socket = connect(Number(port), hostname, () =>
        socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')),
      )
      let answer = ''
      socket.on('data', (data) => (answer += data.toString())).on('close', () => done(answer))
    })
  for (const key of ['', 'x'.repeat(256), 'a\tb', 'caf\u00e9', 'a\u0080', '\u00e2\u0080\u00ae'])
    expect(await send(key)).toMatch(/^HTTP\/1.1 400 [^]*\{"msg":"Invalid Idempotency-Key"\}$/)
  for (const key of [
    '1',
    'x'.repeat(255),
    '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    'door 7, ada!',
  ])
    expect(await send(key)).toStartWith('HTTP/1.1 200')
  const log = (await (
    await fetch(`${service.url}/v1/unlocks`, {
      headers: { authorization: `Bearer ${token}` },
    })
  ).json()) as { unlocks: unknown[] }
  expect(log.unlocks).toHaveLength(4)
})
