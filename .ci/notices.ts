import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Component, components } from './components.ts'

const ROOT = resolve(import.meta.dir, '..')

/** What `secure-lock-server licenses` prints; kept in the repository, so that a change of a licence is
 * seen in a review and the build needs no more than the sources. */
export const NOTICES_FILE = join(ROOT, 'src/cli/notices.txt')

const RULE = '='.repeat(80)

/** The licence of the server, and what those of its parts ask to be handed on. */
export const noticesText = (parts: readonly Component[]): string =>
  [
    'Secure Lock Server',
    '',
    readFileSync(join(ROOT, 'LICENSE'), 'utf8').trim(),
    '',
    'It holds the work of others, named below with what their licences ask for.',
    '',
    ...parts.flatMap(({ name, version, license, notices }) => [
      RULE,
      `${name} ${version} (${license})`,
      RULE,
      '',
      ...notices.flatMap((text) => [plain(text), '']),
    ]),
  ].join('\n')

const plain = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replaceAll(/[ \t]+$/gm, '')
    .trim()

if (import.meta.main) writeFileSync(NOTICES_FILE, noticesText(await components()))
