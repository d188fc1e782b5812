import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:tls'
import { openApp } from '../../../src/app.ts'
import { listen } from '../../../src/cli/serve/listener.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { tlsPair } from '../../../src/http/connection/certificate.ts'
import { processLogger } from '../../../src/http/log/logger.ts'
import { UNLIMITED, freePort, temporaryFolder } from '../../support/binary.ts'
import { flood, lone, selfSigned, visit } from '../../support/certificates.ts'
import { until } from '../../support/until.ts'

const isLinux = process.platform === 'linux'

/** A service, with four certificates for it. */
const serving = async (drainMs: number) => {
  const folder = temporaryFolder()
  const config = parseConfig({
    ...UNLIMITED,
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
    DATA_DIR: folder,
  })
  const pairs = ['one', 'two', 'three', 'four'].map((name) => {
    const { cert, key } = selfSigned(folder, name)
    return tlsPair(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8'))
  })
  const log = processLogger({ level: 'fatal', format: 'json' })
  const app = await openApp(config, { logger: log })
  const listener = listen(app.http, config, pairs[0], { drainMs })
  const url = `https://127.0.0.1:${config.port}`
  return {
    url,
    config,
    port: config.port,
    http: app.http,
    listener,
    pairs,
    fingerprint: async () => (await visit(url, lone('/livez'))).fingerprint,
    [Symbol.asyncDispose]: async () => {
      await listener.stop(log)
      await app[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sockets of this machine that listen on the port (proc_net_tcp: state 0A). */
const listenersOn = (port: number): number =>
  readFileSync('/proc/net/tcp', 'utf8').match(
    new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 0+:0000 0A`, 'g'),
  )?.length ?? 0

test.if(isLinux)('no connection is lost while certificates are replaced in a row', async () => {
  await using service = await serving(1000)
  const visits = flood(service.url, '/livez')
  for (const [before, pair] of service.pairs.slice(1).entries()) {
    await until(() => visits.seen.includes(service.pairs[before]?.facts.sha256 ?? ''))
    service.listener.replaceCertificate(pair)
    // It takes effect from the very next connection.
    expect(await service.fingerprint()).toBe(pair.facts.sha256)
  }
  // All replaced servers are closed eventually, while connections still arrive.
  await until(() => listenersOn(service.port) === 1)
  await until(() => visits.seen.at(-1) === service.pairs[3]?.facts.sha256)
  await visits.stop()
  expect(visits.faults).toStrictEqual([])
  expect(new Set(visits.seen).size).toBe(4)
  expect(visits.seen.at(-1)).toBe(service.pairs[3]?.facts.sha256)
  expect(listenersOn(service.port)).toBe(1)
})

test.if(isLinux)('an existing connection gets one more answer and is then closed', async () => {
  await using service = await serving(60_000)
  const socket = connect({ port: service.port, host: '127.0.0.1', rejectUnauthorized: false })
  const parts: string[] = []
  socket.on('data', (part: Buffer) => parts.push(part.toString()))
  const closed = new Promise((end) => socket.once('close', end))
  const request = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'
  socket.write(request)
  while (parts.length === 0) await Bun.sleep(5)
  const [, second] = service.pairs
  if (second) service.listener.replaceCertificate(second)
  await Bun.sleep(50)
  socket.write(request)
  await closed
  expect(parts.join('').match(/HTTP\/1.1 200/g)).toHaveLength(2)
  expect(parts.join('').match(/^connection: close/gim)).toHaveLength(1)
  expect(listenersOn(service.port)).toBe(2)
})

test.if(isLinux)('a port in use is refused, also to a listener that could share it', async () => {
  await using service = await serving(1000)
  const [pair] = service.pairs
  for (const given of [pair, undefined])
    expect(() => listen(service.http, service.config, given)).toThrow(
      `Cannot listen on 127.0.0.1 port ${service.port}: another program uses this port`,
    )
  expect(listenersOn(service.port)).toBe(1)
  expect(await service.fingerprint()).toBe(pair?.facts.sha256 ?? 'none')
})
