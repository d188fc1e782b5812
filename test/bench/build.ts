import { join } from 'node:path'
import { scripts } from '../../package.json'

const ROOT = join(import.meta.dir, '../..')

/** Builds a yardstick with the flags of the service, less those that are named. */
export const buildYardstick = (
  entry: string,
  outfile: string,
  without: readonly string[] = [],
): void => {
  const command = scripts.build
    .replace('bun run compile', scripts.compile)
    .replace('src/main.ts', `test/bench/${entry}`)
    .replace('dist/secure-lock-server', outfile)
    .replace(/^bun /, `${process.execPath} `)
  const words = command.split(' ').filter((word) => !without.includes(word))
  const built = Bun.spawnSync(words, { cwd: ROOT })
  if (built.exitCode !== 0) throw new Error(`cannot build: ${built.stderr.toString()}`)
}
