/** The oldest browsers that the pages support, as the manual says (src/manual/install.md). */
export const OLDEST_BROWSERS = { chrome: '109', firefox: '115', safari: '16.4' } as const

const ROOT = `${import.meta.dir}/../../..`

/** Returns a script or style for browsers, bundled from its entry (a path within `src`), in syntax that
 * the oldest supported browsers know. A macro: it runs when this program is built, by the same Bun, so
 * that the executable contains the finished text. */
export const browserBundle = (entry: string, ...options: readonly string[]): string => {
  const bun = [process.execPath, 'build', `${ROOT}/src/${entry}`, '--target=browser', ...options]
  const bundle = outputOf(bun)
  // Bun lowers CSS (for browsers older than these), and leaves scripts as they are.
  return entry.endsWith('.css') ? bundle : outputOf(ESBUILD, bundle)
}

const ESBUILD = [
  `${ROOT}/node_modules/.bin/esbuild`,
  `--target=${Object.entries(OLDEST_BROWSERS)
    .map((browser) => browser.join(''))
    .join(',')}`,
  '--format=esm',
  '--charset=utf8',
  '--minify-syntax',
  '--minify-whitespace',
  '--log-level=warning',
]

const outputOf = (command: readonly string[], input = ''): string => {
  const run = Bun.spawnSync([...command], { stdin: Buffer.from(input) })
  // What it cannot lower, esbuild warns of.
  if (!run.success || (command === ESBUILD && run.stderr.length > 0))
    throw new Error(run.stderr.toString())
  return run.stdout.toString()
}
