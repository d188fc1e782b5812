import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const IS_REQUIRED = process.env['REQUIRE_CC'] === '1'

/** True if the disk of a service can be made slow here. */
export const CAN_SLOW = IS_REQUIRED || Bun.which('cc') !== null

if (!CAN_SLOW)
  process.stderr.write(
    'No C compiler: what needs a slow disk is left out (REQUIRE_CC=1 makes it fail)\n',
  )

const SOURCE = join(import.meta.dir, 'slow-disk.c')

/** Builds a library that makes the disk of a service slow if the service is started with `env`. Nothing is
 * slow until `delay` is called, which is possible while the service runs. */
export const slowDisk = (within: string) => {
  const folder = mkdtempSync(join(within, 'slow-disk-'))
  const library = join(folder, 'slow-disk.so')
  const control = join(folder, 'ms')
  /** The names of files in a list that the library makes. */
  const names = (what: 'done' | 'held'): readonly string[] => {
    const list = `${control}.${what}`
    if (!existsSync(list)) return []
    const lines = readFileSync(list, 'utf8').split('\n')
    return lines.map((path) => basename(path))
  }
  const built = Bun.spawnSync([
    'cc',
    '-shared',
    '-fPIC',
    '-O2',
    '-Wall',
    '-Werror',
    '-o',
    library,
    SOURCE,
  ])
  if (!built.success) throw new Error(`cannot build ${SOURCE}: ${built.stderr.toString()}`)
  const say = (text: string) => {
    writeFileSync(`${control}.new`, text)
    renameSync(`${control}.new`, control)
  }
  say('0')
  return {
    env: { LD_PRELOAD: library, SLOW_DISK: control },
    /** Makes each sync take this many milliseconds longer, including one that is under way; only those of files with
     * this in their path, if it is given. */
    delay: (ms: number, part = '') => say(part ? `${ms} ${part}` : String(ms)),
    /** Makes each sync fail. */
    fail: () => say('fail'),
    /** The names of the files that were synced, in order. */
    synced: () => names('done'),
    /** The names of the files whose sync had to wait, in order. */
    held: () => names('held'),
  }
}
