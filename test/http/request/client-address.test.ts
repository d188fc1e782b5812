import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { clientAddress, clientKey, isLoopback } from '../../../src/http/request/client-address.ts'

const trustedProxies = [ipaddr.parseCIDR('10.0.0.0/8'), ipaddr.parseCIDR('fd00::/8')]

describe('the client behind proxies', () => {
  test('[P4] X-Forwarded-For from a stranger is not trusted', () => {
    const address = clientAddress({ peer: '203.0.113.9', forwardedFor: '1.2.3.4', trustedProxies })
    expect(address).toBe('203.0.113.9')
  })

  test('a trusted proxy names the client', () => {
    const forwardedFor = '203.0.113.9'
    expect(clientAddress({ peer: '10.0.0.1', forwardedFor, trustedProxies })).toBe('203.0.113.9')
  })

  test('a proxy may write an address with its port or in brackets', () => {
    const behind = (forwardedFor: string) =>
      clientAddress({ peer: '10.0.0.1', forwardedFor, trustedProxies })
    expect(behind('203.0.113.9:51234')).toBe('203.0.113.9')
    expect(behind('[2001:db8::9]:443')).toBe('2001:db8::9')
    expect(behind('[2001:db8::9]')).toBe('2001:db8::9')
    expect(behind('2001:db8::9')).toBe('2001:db8::9')
    expect(behind('203.0.113.9, [fd00::1]:8080, 10.9.9.9:80')).toBe('203.0.113.9')
    expect(behind('203.0.113.9, , 10.9.9.9,')).toBe('203.0.113.9')
    for (const wrong of ['203.0.113.9:', '203.0.113.9:x', '[2001:db8::9', '[]', '[]:80', ':80'])
      expect(`${wrong} ${behind(wrong)}`).toBe(`${wrong} 10.0.0.1`)
  })

  test('[P4] what a client puts into the header ahead of the proxies is not trusted', () => {
    const forwardedFor = '6.6.6.6, 203.0.113.9, 10.0.0.2'
    expect(clientAddress({ peer: '10.0.0.1', forwardedFor, trustedProxies })).toBe('203.0.113.9')
  })

  test('a hop that is not an address ends the search at the proxy that wrote it', () => {
    const forwardedFor = '203.0.113.9, unknown'
    expect(clientAddress({ peer: '10.0.0.1', forwardedFor, trustedProxies })).toBe('10.0.0.1')
  })

  test('[P4] an IPv4-mapped address counts as the IPv4 address', () => {
    const hop = { forwardedFor: null, trustedProxies }
    expect(clientAddress({ peer: '::ffff:203.0.113.9', ...hop })).toBe('203.0.113.9')
    expect(clientAddress({ peer: '::FFFF:cb00:7109', ...hop })).toBe('203.0.113.9')
  })

  test('[P4] all addresses of one IPv6 /64 count as one client', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (host) => {
        const groups = host.toString(16).padStart(16, '0').match(/.{4}/g)?.join(':')
        expect(clientKey(`2001:db8:1:2:${groups}`)).toBe('2001:db8:1:2::')
      }),
    )
    expect(clientKey('2001:db8:1:3::1')).not.toBe(clientKey('2001:db8:1:2::1'))
  })

  test('any header yields an address or the peer', () => {
    fc.assert(
      fc.property(fc.string(), (forwardedFor) => {
        const address = clientAddress({ peer: '10.0.0.1', forwardedFor, trustedProxies })
        expect(ipaddr.isValid(address)).toBe(true)
      }),
    )
  })

  test('loopback is 127.0.0.0/8 and ::1 only', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].map(isLoopback)).toStrictEqual([true, true, true])
    expect(['10.0.0.1', '::', 'unknown'].map(isLoopback)).toStrictEqual([false, false, false])
  })
})
