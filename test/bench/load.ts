import { join } from 'node:path'

/** The result of a round of load. */
export type Load = {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** The target, and what post.lua reads from its environment. */
export type Target = {
  readonly url: string
  readonly BODY: string
  readonly TOKEN?: string
  readonly PEOPLE?: string
}

type Round = { readonly connections: number; readonly seconds: number }

const SCRIPT = join(import.meta.dir, 'post.lua')

/** Posts with wrk over that many connections at once; throws unless every answer is 200. */
export const postLoad = async (
  { url, ...env }: Target,
  { connections, seconds }: Round,
): Promise<Load> => {
  const wrk = Bun.spawn(
    [
      'wrk',
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--latency',
      '--timeout',
      '30s',
      '-s',
      SCRIPT,
      url,
    ],
    { env: { PATH: process.env['PATH'], ...env }, stdout: 'pipe', stderr: 'inherit' },
  )
  const printed = await new Response(wrk.stdout).text()
  const line = printed.split('\n').find((one) => one.startsWith('{'))
  if ((await wrk.exited) !== 0 || line === undefined) throw new Error(`wrk failed: ${printed}`)
  const found = JSON.parse(line) as Record<string, number>
  const { requests = 0, durationUs = 0, p50Us = 0, p99Us = 0, refused = 0, broken = 0 } = found
  if (refused + broken > 0 || requests === 0)
    throw new Error(`Of ${requests} requests ${refused} were refused and ${broken} not answered`)
  return { perSecond: requests / (durationUs / 1e6), p50Ms: p50Us / 1000, p99Ms: p99Us / 1000 }
}
