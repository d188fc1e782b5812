import { expect, test } from 'bun:test'
import { allCommands } from '../../src/cli/commands.ts'
import { SETTINGS, type Setting } from '../../src/config/settings.ts'
import { startService } from '../support/binary.ts'
import { ROOT, generated, rowsOf, section, textOf } from '../support/manual.ts'

const codesIn = (cell: string): string[] => cell.match(/(?<=`)[\w.]+(?=`)/g) ?? []

/** A cell without the marks of code and links. */
const plain = (cell: string): string =>
  cell.replaceAll('`', '').replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')

test('the table of settings has exactly the settings, their defaults and what help says of them', () => {
  const rows = rowsOf(generated('src/manual/settings.md', 'settings'))
  expect(rows.map(([name, fallback, meaning = '']) => [name, fallback, plain(meaning)])).toEqual(
    Object.values<Setting>(SETTINGS).map(({ env, fallback, doc }) => [
      `\`${env}\``,
      fallback ? `\`${fallback}\`` : 'none',
      doc,
    ]),
  )
})

test('every command is in the table of commands, in the order of the help', async () => {
  const rows = rowsOf(generated('src/manual/commands.md', 'commands'))
  expect(rows.map(([name]) => name)).toStrictEqual(
    Object.keys(await allCommands()).map((name) => `\`secure-lock-server ${name}\``),
  )
})

test('the tables of metrics and endpoints have exactly what the executable serves', async () => {
  await using service = await startService()
  const exported = await (await fetch(`${service.url}/metrics`)).text()
  const metrics = [...exported.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => String(name))
  const named = rowsOf(generated('src/manual/metrics.md', 'metrics')).flatMap(([name = '']) =>
    codesIn(name),
  )
  expect(new Set(named)).toStrictEqual(new Set(metrics))

  const { paths } = (await (await fetch(`${service.url}/swagger/json`)).json()) as {
    paths: Record<string, Record<string, { 'x-access': string }>>
  }
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [
      `\`${method.toUpperCase()} ${path}\``,
      operation['x-access'],
    ]),
  )
  const rows = rowsOf(generated('src/manual/api.md', 'endpoints'))
  expect(rows.map(([request, access]) => [request, access])).toStrictEqual(served)
  expect(rows.filter(([, , meaning]) => !meaning)).toStrictEqual([])
})

test('the table of audit actions has exactly the actions that the code records', () => {
  const named = rowsOf(section('src/manual/audit-events.md', 'Actions')).flatMap(([action = '']) =>
    codesIn(action),
  )
  expect(named.toSorted()).toStrictEqual(recordedActions(named))
})

/** Every action that the code names: after `action:`, and any other of a kind in the table. */
const recordedActions = (named: readonly string[]): string[] => {
  const kinds = [...new Set(named.map((action) => action.split('.')[0]))].join('|')
  const action = new RegExp(`(?<=\\baction: )'[a-z_.]+'|'(?:${kinds})\\.(?!lock')[a-z_]+'`, 'g')
  const isOfServer = (path: string) =>
    !path.startsWith('src/console/') && path !== 'src/audit/action-names.ts'
  const words = [...new Bun.Glob('src/**/*.ts').scanSync(ROOT)]
    .filter(isOfServer)
    .flatMap((path) => textOf(path).match(action) ?? [])
  return [...new Set(words.map((word) => word.slice(1, -1)))].toSorted()
}

test('every dependency says why it is there', () => {
  const { dependencies } = JSON.parse(textOf('package.json')) as {
    dependencies: Record<string, string>
  }
  const reasons = section('src/README.md', 'Dependencies').matchAll(/^- `([^`]+)`: \S/gm)
  expect(new Set([...reasons].map(([, name]) => name))).toStrictEqual(
    new Set(Object.keys(dependencies)),
  )
})
