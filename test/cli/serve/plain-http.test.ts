import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { type Service, UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'
import { until } from '../../support/until.ts'

let folder: string
let service: Service
let plainUrl: string

beforeAll(async () => {
  folder = temporaryFolder()
  const files = selfSigned(folder, 'lock')
  const env = { ...UNLIMITED, TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key }
  service = await startService({ folder, env })
  plainUrl = service.url.replace('https:', 'http:')
  await until(() => service.output().log.includes('"started"'))
})

afterAll(async () => {
  await service.stop()
  rmSync(folder, { recursive: true })
})

const plain = async (path: string, init: RequestInit = {}) => {
  const answer = await fetch(plainUrl + path, { ...init, keepalive: false })
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    text: await answer.text(),
  }
}

const securely = (path: string, init: RequestInit = {}) =>
  fetch(service.url + path, { ...init, tls: { rejectUnauthorized: false } })

const sentence = () => `This server speaks HTTPS: <a href="${service.url}/">${service.url}/</a>`

test('a bookmark of plain HTTP gets the address with HTTPS on the same port', async () => {
  const found = await plain('/console')
  expect(found).toMatchObject({ status: 400, type: 'text/html; charset=utf-8' })
  expect(found.text).toContain(sentence())
})

test('so do an app that posts, and many at once', async () => {
  const posted = await plain('/login', { method: 'POST', body: '{"username":"ada"}' })
  expect(posted).toMatchObject({ status: 400, text: expect.stringContaining(sentence()) as string })
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    expect([method, (await plain('/v1/me', { method })).status]).toStrictEqual([method, 400])
  const many = await Promise.all(Array.from({ length: 50 }, (_, index) => plain(`/${index}`)))
  expect(new Set(many.map(({ status }) => status))).toStrictEqual(new Set([400]))
})

test('HTTPS is as before, whatever is sent through it', async () => {
  expect((await securely('/livez')).status).toBe(200)
  const body = 'GET / HTTP/1.1\r\n'.repeat(3000)
  const answer = await securely('/login', { method: 'POST', body })
  expect(answer.headers.get('content-type')).toStartWith('application/json')
  expect(await answer.json()).toHaveProperty('msg')
})

test('it stays so after the certificate is reloaded', async () => {
  selfSigned(folder, 'lock')
  process.kill(service.pid, 'SIGHUP')
  await until(() => service.output().log.includes('certificate reloaded'))
  expect((await plain('/')).text).toContain(sentence())
  expect((await securely('/livez')).status).toBe(200)
})
