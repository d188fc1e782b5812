import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scripts } from '../../package.json'

const ROOT = join(import.meta.dir, '../..')

/** What a build needs. */
const NEEDED = ['CHANGELOG.md', 'SECURITY.md', 'package.json', 'src', 'tsconfig.json']

/** Compiles the executable with other code in place of `src/writer.ts`, or without that module. */
export const withOtherWriter = (writer: string | undefined) => {
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, 'dist/other-writer-'))
  for (const name of NEEDED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const path = join(folder, 'src/writer.ts')
  if (writer === undefined) rmSync(path)
  else writeFileSync(path, writer)
  const words = scripts.build
    .replace('bun run compile', scripts.compile)
    .split(' ')
    .filter((word) => writer !== undefined || word !== 'src/writer.ts')
  const built = Bun.spawnSync([process.execPath, ...words.slice(1)], { cwd: folder })
  if (built.exitCode !== 0) throw new Error(`cannot build: ${built.stderr.toString()}`)
  return {
    binary: join(folder, 'dist/secure-lock-server'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
