import { expect, test } from 'bun:test'
import { serverFindings } from '../../../src/ops/findings/server.ts'
import type { ServerFacts } from '../../../src/storage/postgres/diagnostics.ts'

const SAFE: ServerFacts = {
  version: '15.5',
  fsync: 'on',
  fullPageWrites: 'on',
  synchronousCommit: 'on',
  standbyNames: '',
  autovacuum: 'on',
  isStandby: false,
  connections: 12,
  connectionsMax: 100,
  clockAheadMs: -200,
  bytes: 5_000_000,
  tls: 'TLSv1.3',
  standbys: [],
  replicas: [{ name: 'a', version: '0.5.0', leads: true, metricsToken: 'x' }],
  dead: { table: 'home', dead: 40, live: 1 },
}

/** What is not well, by check. */
const notWell = (facts: Partial<ServerFacts>) =>
  serverFindings({ ...SAFE, ...facts })
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state }) => `${state} ${check}`)

test('a server with nothing to complain about', () => {
  expect(notWell({})).toStrictEqual([])
  expect(serverFindings(SAFE)[0]?.says).toBe('PostgreSQL 15.5, 5 MiB, TLSv1.3')
})

test('a server that forgets what it acknowledged is a fault', () => {
  expect(notWell({ fsync: 'off' })).toStrictEqual(['fault durability'])
  expect(notWell({ fullPageWrites: 'off' })).toStrictEqual(['fault durability'])
  expect(notWell({ synchronousCommit: 'off' })).toStrictEqual(['fault durability'])
  expect(notWell({ isStandby: true })).toStrictEqual(['fault database'])
})

const standby = { name: 'b', syncState: 'async', lagMs: 20, stuckBytes: null }

test('a standby that nobody waits for is a warning, and one that everybody waits for in vain a fault', () => {
  expect(notWell({ standbys: [standby] })).toStrictEqual(['warning replication'])
  const sync = { ...standby, syncState: 'sync' }
  expect(notWell({ standbys: [sync], standbyNames: 'b' })).toStrictEqual([])
  expect(
    notWell({ standbys: [{ ...sync, syncState: 'quorum' }], standbyNames: 'ANY 1 (a, b)' }),
  ).toStrictEqual([])
  expect(
    notWell({ standbys: [sync], standbyNames: 'b', synchronousCommit: 'local' }),
  ).toStrictEqual(['warning replication'])
  expect(notWell({ standbys: [], standbyNames: 'b' })).toStrictEqual(['fault replication'])
  expect(notWell({ standbys: [standby], standbyNames: 'c' })).toStrictEqual(['fault replication'])
  for (const behind of [{ lagMs: 11_000 }, { lagMs: null, stuckBytes: 100 }])
    expect(notWell({ standbys: [{ ...sync, ...behind }], standbyNames: 'b' })).toStrictEqual([
      'warning replication',
    ])
})

test('a user without rights to see standbys is told nothing wrong about them', () => {
  const unknown = { name: null, syncState: null, lagMs: null, stuckBytes: null }
  expect(notWell({ standbys: [unknown], standbyNames: 'b' })).toStrictEqual([])
})

test('clock, connections and old rows', () => {
  expect(notWell({ clockAheadMs: 61_000 })).toStrictEqual(['warning clock of the database'])
  expect(notWell({ clockAheadMs: -61_000 })).toStrictEqual(['warning clock of the database'])
  expect(notWell({ connections: 81 })).toStrictEqual(['warning connections'])
  expect(notWell({ autovacuum: 'off' })).toStrictEqual(['warning vacuum'])
  const dead = { table: 'unlock_event', dead: 300_000, live: 200_000 }
  expect(notWell({ dead })).toStrictEqual(['warning vacuum'])
  expect(notWell({ dead: { ...dead, live: 400_000 } })).toStrictEqual([])
})

test('replicas are named, and should have different names and the same version', () => {
  const [a, b] = [
    { name: 'a', version: '0.5.0', leads: true, metricsToken: 'x' },
    { name: 'b', version: '0.5.0', leads: false, metricsToken: 'x' },
  ]
  const said = (replicas: ServerFacts['replicas']) =>
    serverFindings({ ...SAFE, replicas }).find(({ check }) => check === 'replicas')
  expect(said([a, b])).toMatchObject({ state: 'ok', says: '2 replicas are running: a (leader), b' })
  expect(said([{ ...a, silentMs: 8400 }, b])).toMatchObject({
    state: 'ok',
    says: '2 replicas are running: a (leader, last heard from 8 seconds ago), b',
  })
  expect(said([a, { ...b, metricsToken: 'y' }])).toMatchObject({
    state: 'warning',
    id: 'replica-metrics-tokens',
  })
  expect(said([])).toMatchObject({ state: 'ok', says: 'No replica is running' })
  expect(said([a, { ...b, version: '0.6.0' }])).toMatchObject({
    state: 'warning',
    says: 'Replicas run different versions: a 0.5.0, b 0.6.0',
  })
  expect(said([a, { ...b, name: 'a' }])).toMatchObject({ state: 'warning', id: 'replica-names' })
})
