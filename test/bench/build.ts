import { join } from 'node:path'
import { scripts } from '../../package.json'

const ROOT = join(import.meta.dir, '../..')

/** Builds a yardstick with the flags of the service, or with only those that create a file. */
export const buildYardstick = (
  entry: string,
  outfile: string,
  flags: 'same' | 'none' = 'same',
): void => {
  const same = scripts.build.replace('bun run compile', scripts.compile)
  const command = flags === 'same' ? same : BARE
  const words = command
    .replace('src/main.ts src/writer.ts', `test/bench/${entry}`)
    .replace('src/main.ts', `test/bench/${entry}`)
    .replace('dist/secure-lock-server', outfile)
    .replace(/^bun /, `${process.execPath} `)
    .split(' ')
  const built = Bun.spawnSync(words, { cwd: ROOT })
  if (built.exitCode !== 0) throw new Error(`cannot build: ${built.stderr.toString()}`)
}

const BARE = 'bun build src/main.ts --compile --outfile dist/secure-lock-server'
