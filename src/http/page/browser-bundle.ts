/** Returns a script for browsers, bundled from its entry (a path within `src`). A macro: it runs when
 * this program is built, by the same Bun, so that the executable contains the finished text. */
export const browserBundle = (entry: string, ...options: readonly string[]): string => {
  const built = Bun.spawnSync([
    process.execPath,
    'build',
    `${import.meta.dir}/../../${entry}`,
    '--target=browser',
    ...options,
  ])
  if (!built.success) throw new Error(built.stderr.toString())
  return built.stdout.toString()
}
