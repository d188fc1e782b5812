import { expect, test } from 'bun:test'
import { AUDIT_ACTIONS } from '../../src/domain/audit-actions.ts'
import { GENERATED, pageWith } from '../support/manual-tables.ts'
import { ROOT, section, textOf } from '../support/manual.ts'

test.each(GENERATED.map((generated) => [generated.name, generated] as const))(
  'the table of %s is the one that the code makes; if not, run: bun run manual:tables',
  async (_, generated) => {
    const { before, after } = await pageWith(generated)
    expect(before).toBe(after)
    expect(after).not.toContain('undefined')
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
