import { expect, test } from 'bun:test'
import { runCommand, startService } from '../support/binary.ts'
import { scraping } from '../support/metrics-token.ts'
import { IS_POSTGRES } from '../support/test-server.ts'

/** Exported once the log is verified, a request answered and the start recorded. */
const LATE = [
  'secure_lock_unlock_log_intact{',
  'secure_lock_http_request_duration_seconds_count{',
  'secure_lock_audit_events_total{',
] as const

type Dashboard = {
  readonly schemaVersion: number
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[]
  }
  readonly panels: readonly Panel[]
}

type Panel = {
  readonly type: string
  readonly title: string
  readonly targets?: readonly {
    readonly expr: string
    readonly datasource: { readonly uid: string }
  }[]
}

test('the dashboard parses, and queries only metrics that the compiled file exports', async () => {
  const { status, out } = await runCommand(['grafana'])
  expect(status).toBe(0)
  const { schemaVersion, templating, panels } = JSON.parse(out) as Dashboard
  // Grafana 11.
  expect(schemaVersion).toBe(39)
  expect(templating.list).toMatchObject([
    { name: 'datasource', type: 'datasource' },
    { name: 'instance' },
  ])
  const queries = panels.flatMap(({ targets = [] }) => targets)
  expect(queries.length).toBeGreaterThan(20)
  expect(new Set(queries.map(({ datasource }) => datasource.uid))).toStrictEqual(
    new Set(['${datasource}']),
  )
  for (const { type, title, targets = [] } of panels)
    expect(`${title}: ${type === 'row' || targets.length > 0}`).toBe(`${title}: true`)

  await using service = await startService()
  const isChecked = async () => {
    const text = await (
      await fetch(`${service.url}/metrics`, { headers: scraping(service.folder) })
    ).text()
    return LATE.every((name) => text.includes(name)) ? text : undefined
  }
  let exported = await isChecked()
  while (!exported) exported = await isChecked()
  const names = new Set(exported.match(/^[a-z_]+(?=[{ ])/gm))
  const queried = new Set(
    queries.flatMap(({ expr }) => expr.match(/\b(?:secure_lock|process)_\w+/g) ?? []),
  )
  expect(queried.size).toBeGreaterThan(15)
  // A server keeps its own write-ahead log.
  const ofFile = IS_POSTGRES ? ['secure_lock_database_wal_bytes'] : []
  expect([...queried].filter((name) => !names.has(name))).toStrictEqual(ofFile)
  await service.stop()
})
