import { describe, expect, test } from 'bun:test'
import { PAGES } from '../../src/manual/pages.ts'
import { terminalText } from '../../src/manual/text.ts'

const shown = (markdown: string, columns = 60): string =>
  terminalText(markdown, { columns, hasColours: false })

describe('a page in a terminal', () => {
  test('is text with its headings, lists and code, wrapped', () => {
    expect(
      shown(`# Backups

For the person who runs the server: how to create a *backup*, and **test** it, with \`backup\`.

## Restore

1. Stop the server. Nothing may write to the data folder while it is replaced.
2. Restore:

   \`\`\`sh
   secure-lock-server restore FILE --with-a-very-long-line-that-is-not-wrapped-anywhere
   \`\`\`

- See [Install](install.md#with-systemd), [below](#restore) and [age](https://age-encryption.org).
`),
    ).toBe(`Backups

  For the person who runs the server: how to create a
  backup, and test it, with \`backup\`.

Restore

  1. Stop the server. Nothing may write to the data folder
     while it is replaced.

  2. Restore:

         secure-lock-server restore FILE --with-a-very-long-line-that-is-not-wrapped-anywhere

  - See Install (help install), below and age
    <https://age-encryption.org>.`)
  })

  test('shows a table in columns if it fits, otherwise each row with its meaning below', () => {
    const table = `| name   | default | meaning |
| ------ | ------- | ------- |
| \`PORT\` | \`8080\`  | port the server listens on |
| \`HOST\` |         | address to listen on |
`
    expect(shown(table)).toBe(`  name    default  meaning
  \`PORT\`  \`8080\`   port the server listens on
  \`HOST\`           address to listen on`)
    expect(shown(table, 40)).toBe(`  \`PORT\` [\`8080\`]
      port the server listens on
  \`HOST\`
      address to listen on`)
  })

  test('leaves out the markers of generated tables', () => {
    expect(shown('<!-- begin generated: settings -->\n\ntext')).toBe('  text')
  })

  test('has bold headings and code where colours are shown, and no escape otherwise', () => {
    const page = '# Title\n\nSee `log`.'
    expect(terminalText(page, { columns: 80, hasColours: true })).toBe(
      '\u001B[1mTitle\u001B[22m\n\n  See \u001B[1mlog\u001B[22m.',
    )
    expect(shown(page)).toBe('Title\n\n  See `log`.')
  })

  test.each([...PAGES.values()].map(({ name, markdown }) => [name, markdown]))(
    '%s fits the terminal, but for code',
    (_, markdown) => {
      const text = shown(markdown, 80)
      const wide = text
        .split('\n')
        .filter(
          (line) => Bun.stringWidth(line) > 80 && !/^ {6}/.test(line) && /\S \S/.test(line.trim()),
        )
      expect(wide).toStrictEqual([])
      expect(text).not.toMatch(/^\||\]\(|<!--|&(amp|lt|quot|#39);/m)
    },
  )
})
