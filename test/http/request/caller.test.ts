import { describe, expect, test } from 'bun:test'
import { parseConfig } from '../../../src/config/config.ts'
import { clientConnections } from '../../../src/http/connection/client-connections.ts'
import { callers } from '../../../src/http/request/caller.ts'

const PROXY = '192.168.1.10'

/** Whether the address of who asks is hidden, and what was recorded about proxies. */
const hidden = async (peer: string, headers: Record<string, string>, host = 'lock.home') => {
  const config = parseConfig({ TRUSTED_PROXIES: PROXY })
  const recorded: string[] = []
  const { callerOf } = callers({
    ...config,
    connections: clientConnections(config),
    recordForwarded: async ({ address }) => void recorded.push(`forwarded by ${address}`),
    recordSilentProxy: async ({ address }) => void recorded.push(`silent ${address}`),
  })
  const request = new Request(`http://${host}/`, { headers })
  const caller = await callerOf(
    { request, socket: { address: peer, port: 1 }, headers: {} },
    undefined,
  )
  return [caller.isAddressHidden, caller.address, ...recorded]
}

describe('the address of a client', () => {
  test('is known without a proxy, and behind one that is trusted and says it', async () => {
    expect(await hidden('192.168.1.77', {})).toStrictEqual([false, '192.168.1.77'])
    expect(await hidden(PROXY, { 'x-forwarded-for': '203.0.113.9' })).toStrictEqual([
      false,
      '203.0.113.9',
    ])
    expect(await hidden('127.0.0.1', {}, 'localhost')).toStrictEqual([false, '127.0.0.1'])
  })

  test('is hidden behind a proxy that is not trusted', async () => {
    expect(await hidden('192.168.1.11', { 'x-forwarded-for': '192.168.1.77' })).toStrictEqual([
      true,
      '192.168.1.11',
      'forwarded by 192.168.1.11',
    ])
  })

  test('is hidden behind one that does not say for whom it asks', async () => {
    expect(await hidden('127.0.0.1', {})).toStrictEqual([true, '127.0.0.1', 'silent 127.0.0.1'])
    const phone = { 'user-agent': 'Dart/3.5 (dart:io)' }
    expect(await hidden(PROXY, phone)).toStrictEqual([true, PROXY, `silent ${PROXY}`])
    expect(await hidden(PROXY, { via: '1.1 proxy' })).toStrictEqual([true, PROXY])
  })
})
