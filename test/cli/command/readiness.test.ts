import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { runCommand, startService, temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'

for (const scheme of ['http', 'https'])
  test(`healthcheck and doctor ask the service over ${scheme}, and no proxy`, async () => {
    const folder = temporaryFolder()
    const files = selfSigned(folder, 'lock')
    const tls = scheme === 'https' ? { TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key } : {}
    await using service = await startService({ env: tls })
    const asked: string[] = []
    using proxy = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ url }) => {
        asked.push(url)
        return new Response('the proxy cannot reach this', { status: 502 })
      },
    })
    const named = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) =>
      [name, name.toLowerCase()].map((each) => [each, proxy.url.href]),
    )
    const { port, hostname } = new URL(service.url)
    const run = {
      folder: service.folder,
      env: { HOST: hostname, PORT: port, ...tls, ...Object.fromEntries(named) },
    }
    expect(await runCommand(['healthcheck'], run)).toMatchObject({ status: 0, out: 'ready\n' })
    expect((await runCommand(['doctor'], run)).out).toContain('runs and is ready')
    expect(asked).toStrictEqual([])
    rmSync(folder, { recursive: true })
  })
