import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { post } from '../../../src/http/outgoing/post.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { startReceiver } from '../../support/receiver.ts'

const own = () => ({ addresses: [], port: 1 })
const rules = { allowsLoopback: true, own }

const faultOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it succeeded',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

const sent = (url: string, given: Partial<Parameters<typeof post>[0]> = {}) =>
  post({
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"type":"test","data":{}}',
    signal: AbortSignal.timeout(15_000),
    rules,
    ...given,
  })

describe('posting a webhook', () => {
  test('connects to the address that was judged, and keeps the name in Host', async () => {
    await using receiver = startReceiver()
    const answers = [
      [{ address: '127.0.0.1', family: 4 }],
      // What the name leads to a moment later, which nobody asks.
      [{ address: '169.254.169.254', family: 4 }],
    ]
    const resolve = async () => answers.shift() ?? []
    const { status } = await sent(`http://hooks.home:${receiver.port}/hook`, { resolve })
    expect(status).toBe(204)
    expect(receiver.received[0]?.headers['host']).toBe(`hooks.home:${receiver.port}`)
    expect(answers).toHaveLength(1)
    expect(await faultOf(sent(`http://hooks.home:${receiver.port}/hook`, { resolve }))).toContain(
      'link-local',
    )
    expect(receiver.received).toHaveLength(1)
  })

  test('uses the permitted ones of several addresses', async () => {
    await using receiver = startReceiver()
    const resolve = async () => [
      { address: 'fe80::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]
    expect((await sent(`http://hooks.home:${receiver.port}/`, { resolve })).status).toBe(204)
  })

  test.each(['2130706433', '0x7f.1', '127.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost'])(
    '%s is loopback however it is written, and refused',
    async (host) => {
      await using receiver = startReceiver()
      const url = `http://${host}:${receiver.port}/`
      const fault = await faultOf(sent(url, { rules: { allowsLoopback: false, own } }))
      expect(fault).toContain('WEBHOOK_LOOPBACK')
      expect(receiver.received).toBeEmpty()
    },
  )

  test('does not follow a redirect', async () => {
    await using receiver = startReceiver()
    await using elsewhere = startReceiver()
    receiver.answerWith(() => Response.redirect(elsewhere.url, 307))
    expect((await sent(receiver.url)).status).toBe(307)
    expect(elsewhere.received).toBeEmpty()
  })

  test('uses no proxy of the environment', async () => {
    await using receiver = startReceiver()
    await using proxy = startReceiver()
    const run = Bun.spawn([process.execPath, join(import.meta.dir, 'post-once.ts'), receiver.url], {
      env: {
        HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
        http_proxy: `http://127.0.0.1:${proxy.port}`,
      },
      stdout: 'pipe',
      stderr: 'inherit',
    })
    expect((await run.stdout.text()).trim()).toBe('204')
    expect(await run.exited).toBe(0)
    expect(receiver.received).toHaveLength(1)
    expect(proxy.received).toBeEmpty()
  })

  test('reads 4 KiB of an answer of a gigabyte, and closes', async () => {
    await using receiver = startReceiver()
    let sentBytes = 0
    receiver.answerWith(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              const chunk = new Uint8Array(64 * 1024).fill(120)
              sentBytes += chunk.length
              if (sentBytes >= 1024 ** 3) controller.close()
              else controller.enqueue(chunk)
            },
          }),
        ),
    )
    const { status, text } = await sent(receiver.url)
    expect([status, text.length]).toStrictEqual([200, 4096])
    expect(sentBytes).toBeLessThan(512 * 1024 ** 2)
  })

  test('gives up once its time is over, whether nothing comes or too little', async () => {
    await using receiver = startReceiver()
    const waiting = Promise.withResolvers<Response>()
    receiver.answerWith(() => waiting.promise)
    expect(await faultOf(sent(receiver.url, { signal: AbortSignal.timeout(200) }))).toBe(
      'No answer within 15 seconds',
    )
    waiting.resolve(new Response(null))
    const resolve = () => new Promise<never>(() => {})
    const signal = AbortSignal.timeout(50)
    expect(await faultOf(sent('http://slow-names.home/', { resolve, signal }))).toBe(
      'No answer within 15 seconds',
    )
  })

  test('says why there was no answer, without an address or a stack', async () => {
    expect(await faultOf(sent('http://127.0.0.1:9/'))).toBe('Connection refused')
    const resolve = async () => []
    expect(await faultOf(sent('http://nobody.home/', { resolve }))).toBe(
      'The host name has no address',
    )
  })
})

describe('over TLS', () => {
  const folder = temporaryFolder()
  let tls = { cert: '', key: '' }

  beforeAll(() => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9
      -subj /CN=hooks.home -addext subjectAltName=DNS:hooks.home -keyout ${key} -out ${cert}`
    const made = Bun.spawnSync(['openssl', ...words.split(/\s+/)])
    expect(made.exitCode).toBe(0)
    tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('the certificate is that of the name, though the connection is to an address', async () => {
    await using receiver = startReceiver({ tls })
    const run = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dir, 'post-once.ts'),
        `https://hooks.home:${receiver.port}/`,
        `https://other.home:${receiver.port}/`,
      ],
      {
        env: { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') },
        stdout: 'pipe',
        stderr: 'inherit',
      },
    )
    const lines = (await run.stdout.text()).trim().split('\n')
    expect(lines[0]).toBe('204')
    expect(lines[1]).toStartWith('The certificate is not trusted')
    expect(receiver.received.map(({ headers }) => headers['host'])).toStrictEqual([
      `hooks.home:${receiver.port}`,
    ])
  })

  test('an unknown certificate is refused', async () => {
    await using receiver = startReceiver({ tls })
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
    const fault = await faultOf(sent(`https://hooks.home:${receiver.port}/`, { resolve }))
    expect(fault).toStartWith('The certificate is not trusted')
    expect(receiver.received).toBeEmpty()
  })
})
