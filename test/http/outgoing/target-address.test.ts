import { describe, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { acceptedUrl, refusalOf } from '../../../src/http/outgoing/target-address.ts'

const faultOf = (text: unknown): string | undefined => {
  try {
    acceptedUrl(text)
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

describe('the URL of a webhook', () => {
  test.each([
    'http://node-red.home:1880/unlocks?a=1',
    'https://192.168.1.20/hook',
    'https://[fd00::20]:8443/',
  ])('%s is accepted', (url) => {
    expect(acceptedUrl(url)).toBe(url)
  })

  test.each([
    'ftp://node-red.home/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'node-red.home/hook',
    'http://user:secret@node-red.home/',
    'http://user@node-red.home/',
    'http://node-red.home/#part',
    `http://node-red.home/${'a'.repeat(1000)}`,
    7,
    undefined,
  ])('%p is refused, and the message does not repeat it', (url) => {
    const fault = faultOf(url)
    expect(fault).toStartWith('Invalid url: ')
    expect(fault).not.toContain('secret')
  })
})

describe('an address that a webhook resolves to', () => {
  const own = () => ({ addresses: ['192.168.1.2', 'fd00::2'], port: 8080 })
  const refused = (address: string, port = 80, allowsLoopback = false) =>
    refusalOf(address, port, { allowsLoopback, own }) !== undefined

  test.each(['192.168.1.20', '10.0.0.1', '172.16.0.9', '203.0.113.7', 'fd00::20', '2001:db8:9::1'])(
    '%s may be another machine of the home, or of the internet',
    (address) => {
      expect(refused(address)).toBeFalse()
    },
  )

  test.each([
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    'no address',
  ])('%s is refused, also where loopback is allowed', (address) => {
    expect(refused(address, 80, true)).toBeTrue()
  })

  test.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '192.168.1.2', 'fd00::2'])(
    '%s is this machine: refused unless allowed, and this server always',
    (address) => {
      expect(refused(address)).toBeTrue()
      expect(refused(address, 80, true)).toBeFalse()
      expect(refused(address, 8080, true)).toBeTrue()
    },
  )
})
