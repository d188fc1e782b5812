/** Runs a program of this machine; returns what it wrote. Throws if it fails. */
export const command = async (
  words: readonly string[],
  { cwd = '/' }: { readonly cwd?: string } = {},
): Promise<string> => {
  const run = Bun.spawn([...words], { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err, status] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  if (status !== 0) throw new Error(`${words.join(' ')}: ${(err || out).slice(-2000)}`)
  return out
}
