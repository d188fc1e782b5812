import { describe, expect, test } from 'bun:test'
import { hostname } from 'node:os'
import { isDirect, isForwarded, isSilentlyForwarded } from '../../../src/http/request/forwarding.ts'

const PHONE = 'Dart/3.5 (dart:io)'
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0'

const request = (host: string, headers: Record<string, string> = {}) =>
  new Request(`http://${host}/`, { headers })

test.each([
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Anything',
  'Forwarded',
  'X-Real-IP',
  'Via',
  'CF-Connecting-IP',
  'True-Client-IP',
])('[G5] %s marks a request as forwarded', (name) => {
  expect(isForwarded(request('localhost', { [name]: '127.0.0.1' }))).toBe(true)
  expect(isDirect(request('localhost', { [name]: '127.0.0.1' }))).toBe(false)
})

test('[G5] a request is direct under a loopback name only, and not if it closes the connection', () => {
  for (const host of ['localhost', '127.0.0.1:8080', '127.1.2.3', '[::1]:8080'])
    expect(isDirect(request(host, { authorization: 'x', cookie: 'y' }))).toBe(true)
  for (const host of [
    'lock.example.org',
    '192.168.1.5',
    'localhost.example.org',
    '127.0.0.1.nip.io',
  ])
    expect(isDirect(request(host))).toBe(false)
  expect(isDirect(request('127.0.0.1', { connection: 'close' }))).toBe(false)
})

describe('[G5] a proxy that says nothing is recognised', () => {
  const LAN = { address: '192.168.1.5', isTrusted: false }
  const HERE = { address: '127.0.0.1', isTrusted: false }
  const CLOSING = { connection: 'close' }

  test.each([
    ['a foreign name from this machine', 'lock.example.org', {}, { ...HERE, userAgent: 'curl/8' }],
    ['a phone on this machine', '127.0.0.1', {}, { ...HERE, userAgent: PHONE }],
    ['a phone at a trusted proxy', 'x', {}, { ...LAN, isTrusted: true, userAgent: PHONE }],
    ['a browser that closes', '192.168.1.2', CLOSING, { ...LAN, userAgent: BROWSER }],
    ['a phone that closes', '127.0.0.1', CLOSING, { ...LAN, userAgent: PHONE }],
  ])('[G5] by %s', (_, host, headers, peer) => {
    expect(isSilentlyForwarded(request(host, headers), peer)).toBe(true)
  })

  test.each([
    ['a phone at home', 'lock.home', {}, { ...LAN, userAgent: PHONE }],
    ['a browser at home', 'lock.example.org', {}, { ...LAN, userAgent: BROWSER }],
    ['a browser on the gateway', 'localhost', {}, { ...HERE, userAgent: BROWSER }],
    ['a script on the gateway', '127.0.0.1', CLOSING, { ...HERE, userAgent: 'Python-urllib/3.13' }],
    ['a script by the gateway’s name', hostname(), {}, { ...HERE, userAgent: 'curl/8' }],
    ['by its .local name', `${hostname()}.local`, {}, { ...HERE, userAgent: 'curl/8' }],
    [
      'a health check beside a trusted proxy',
      '127.0.0.1',
      {},
      { ...HERE, isTrusted: true, userAgent: 'Bun/1.4.5' },
    ],
  ])('[G5] but not %s', (_, host, headers, peer) => {
    expect(isSilentlyForwarded(request(host, headers), peer)).toBe(false)
  })
})
