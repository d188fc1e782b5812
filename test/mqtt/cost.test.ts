import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Database } from 'bun:sqlite'
import { startService, UNLIMITED, temporaryFolder } from '../support/binary.ts'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'

test('without MQTT_URL there is no target, no connection, and the library is not loaded', async () => {
  const folder = temporaryFolder()
  await using service = await startService({ folder, env: { ...UNLIMITED, DATA_DIR: './data' } })
  await until(() => service.output().log.includes('"started"'))
  const sockets = () => Bun.spawnSync(['ls', '-l', `/proc/${service.pid}/fd`]).stdout.toString()
  expect(sockets().match(/socket:/g)?.length ?? 0).toBeLessThan(4)
  using db = new Database(join(folder, 'data/secure-lock.db'), { readonly: true })
  expect(db.query('SELECT count(*) AS targets FROM target').get()).toStrictEqual({ targets: 0 })
})

test('the library is imported in one file, and only when a link begins', async () => {
  const src = join(import.meta.dir, '../../src')
  const imports = [...new Bun.Glob('**/*.{ts,tsx}').scanSync(src)].flatMap((path) =>
    [...readFileSync(join(src, path), 'utf8').matchAll(/^.*(?:from |import\()'mqtt'.*$/gm)].map(
      ([line]) => `${path}: ${line.trim()}`,
    ),
  )
  expect(imports).toStrictEqual([
    "mqtt/link.ts: import type { MqttClient } from 'mqtt'",
    "mqtt/link.ts: const { connect } = await import('mqtt')",
  ])
})

test('a broker that is no longer set is no target', async () => {
  await using home = await homeWithBroker()
  await home.gid()
  const targets = () => {
    using db = new Database(join(home.folder, 'data/secure-lock.db'), { readonly: true })
    return db.query('SELECT id, kind, state FROM target').all()
  }
  expect(targets()).toStrictEqual([{ id: 'mqtt', kind: 'mqtt', state: 'enabled' }])
  await home.service().stop()
  await home.restart({ MQTT_URL: '' })
  expect(targets()).toStrictEqual([])
})
