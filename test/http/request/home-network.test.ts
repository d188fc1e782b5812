import { describe, expect, test } from 'bun:test'
import { parseConfig } from '../../../src/config/config.ts'
import { MINUTE_MS } from '../../../src/domain/duration.ts'
import { homeNetwork } from '../../../src/http/request/home-network.ts'

const MAC = '02:00:00:00:00:01'
const at = (cidr: string, mac = MAC, internal = false) => [{ cidr, mac, internal }]

const GATEWAY = {
  lo: at('127.0.0.1/8', '00:00:00:00:00:00', true),
  eth0: [...at('192.168.1.2/24'), ...at('fd12:3456:789a::2/64'), ...at('2001:db8::2/64')],
  wg0: at('10.8.0.1/24', '00:00:00:00:00:00'),
  docker0: at('172.17.0.1/16'),
  'br-0123456789ab': at('172.18.0.1/16'),
  'br-lan': at('192.168.8.1/24'),
}

type Given = {
  readonly env?: Record<string, string>
  readonly interfaces?: () => Record<string, ReturnType<typeof at>>
  readonly isContainer?: boolean
  readonly nowMs?: () => number
}

const network = ({
  env = {},
  interfaces = () => GATEWAY,
  isContainer = false,
  nowMs = () => 0,
}: Given = {}) => {
  const isHome = homeNetwork({
    homeNetworks: parseConfig(env).homeNetworks,
    monotonicMs: nowMs,
    interfaces,
    isContainer: () => isContainer,
  })
  return (address: string, isAddressHidden = false) => isHome({ address, isAddressHidden })
}

describe('the home network', () => {
  test('is the private subnets of the network cards of this machine', () => {
    const isHome = network()
    const home = ['192.168.1.77', 'fd12:3456:789a::77', '192.168.8.20', '::ffff:192.168.1.77']
    expect(home.filter((address) => isHome(address) !== true)).toStrictEqual([])
    const elsewhere = [
      '192.168.2.1',
      '203.0.113.9',
      '2001:db8::77',
      '10.8.0.5',
      '172.17.0.9',
      '172.18.0.9',
      'unknown',
    ]
    expect(elsewhere.filter((address) => isHome(address) !== false)).toStrictEqual([])
  })

  test('is HOME_NETWORKS if that is set, in a container too', () => {
    const isHome = network({
      env: { HOME_NETWORKS: '10.0.0.0/24, 2001:db8::/64' },
      isContainer: true,
    })
    expect([isHome('10.0.0.9'), isHome('2001:db8::77'), isHome('192.168.1.77')]).toStrictEqual([
      true,
      true,
      false,
    ])
  })

  test('is never this machine itself', () => {
    const isHome = network({ env: { HOME_NETWORKS: '127.0.0.0/8,::1' } })
    expect([isHome('127.0.0.1'), isHome('::1')]).toStrictEqual([false, false])
  })

  test('is unknown if a proxy hides the address, in a container, and without a network', () => {
    expect(network()('192.168.1.77', true)).toBe('unknown')
    expect(network()('127.0.0.1', true)).toBe('unknown')
    expect(network({ isContainer: true })('192.168.1.77')).toBe('unknown')
    expect(network({ interfaces: () => ({ lo: GATEWAY.lo }) })('192.168.1.77')).toBe('unknown')
  })

  test('is known within a minute after the machine has got an address', () => {
    let nowMs = 0
    let interfaces: Record<string, ReturnType<typeof at>> = {}
    const isHome = network({ interfaces: () => interfaces, nowMs: () => nowMs })
    expect(isHome('192.168.1.77')).toBe('unknown')
    interfaces = GATEWAY
    nowMs = MINUTE_MS
    expect(isHome('192.168.1.77')).toBe(true)
  })
})
