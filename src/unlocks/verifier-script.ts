/** The script of the verifying page, bundled for a browser. A macro: it runs when this program is
 * built, by the same Bun, so that the executable holds the finished text. */
export const verifierScript = (): string => {
  const built = Bun.spawnSync([
    process.execPath,
    'build',
    `${import.meta.dir}/verifier/main.ts`,
    '--target=browser',
    // Names stay, so that whoever wants to can read what vouches for the evidence.
    '--minify-syntax',
    '--minify-whitespace',
  ])
  if (!built.success) throw new Error(built.stderr.toString())
  return built.stdout.toString()
}
