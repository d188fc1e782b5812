import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startService, UNLIMITED, temporaryFolder } from '../support/binary.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'
import { homeDatabase } from '../support/home-database.ts'

test('without MQTT_URL there is no target', async () => {
  await using service = await startService({ env: { ...UNLIMITED, DATA_DIR: './data' } })
  await until(() => service.output().log.includes('"started"'))
  await using db = await homeDatabase(service.folder)
  expect(await db.get('SELECT count(*) AS targets FROM target')).toStrictEqual({ targets: 0 })
})

test('neither our code nor the library is loaded without a broker', async () => {
  await using broker = await startMosquitto()
  const loaded = async (env: Record<string, string>) => {
    const folder = temporaryFolder()
    const run = Bun.spawn([process.execPath, LOADED], {
      env: { DATA_DIR: join(folder, 'data'), ...env },
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const paths = (await new Response(run.stdout).text()).split('\n')
    rmSync(folder, { recursive: true, force: true })
    const within = (part: string) => paths.some((path) => path.includes(part))
    return [within('/src/app.ts'), within('/src/mqtt/'), within('/node_modules/mqtt/')]
  }
  expect(await loaded({})).toStrictEqual([true, false, false])
  expect(await loaded({ MQTT_URL: broker.url })).toStrictEqual([true, true, true])
})

const LOADED = join(import.meta.dir, '../support/loaded-modules.ts')

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
  const targets = async () => {
    await using db = await homeDatabase(home.folder)
    return await db.all('SELECT id, kind, state FROM target')
  }
  expect(await targets()).toStrictEqual([{ id: 'mqtt', kind: 'mqtt', state: 'enabled' }])
  await home.service().stop()
  await home.restart({ MQTT_URL: '' })
  await until(async () => (await targets()).length === 0)
})
