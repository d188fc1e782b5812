import { expect, test } from 'bun:test'
import { AUDIT_ACTIONS } from '../../src/domain/audit-actions.ts'
import { TABLES, pageWithTable } from '../support/manual-tables.ts'
import { ROOT, section, textOf } from '../support/manual.ts'

test.each(TABLES.map((table) => [table.name, table] as const))(
  'the table of %s is the one that the code makes; if not: bun run manual:tables',
  async (_, table) => {
    const { before, after } = await pageWithTable(table)
    expect(before).toBe(after)
    expect((await table.rows()).flat()).not.toContain('undefined')
  },
)

test('every audit action is recorded somewhere', () => {
  const code = [...new Bun.Glob('src/**/*.ts').scanSync(ROOT)]
    .filter((path) => !path.startsWith('src/console/') && !path.startsWith('src/domain/'))
    .map(textOf)
    .join('\n')
  const unused = Object.keys(AUDIT_ACTIONS).filter((action) => !code.includes(`'${action}'`))
  expect(unused).toStrictEqual([])
})

test('every dependency says why it is there', () => {
  const { dependencies } = JSON.parse(textOf('package.json')) as {
    dependencies: Record<string, string>
  }
  const reasons = section('src/README.md', 'Dependencies').matchAll(/^- `([^`]+)`: \S/gm)
  expect(new Set([...reasons].map(([, name]) => name))).toStrictEqual(
    new Set(Object.keys(dependencies)),
  )
})
