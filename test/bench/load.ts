import { join } from 'node:path'
import { median } from './line.ts'

/** The result of a round of load. */
export type Load = {
  readonly requests: number
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
export const postLoad = async (target: Target, round: Round): Promise<Load> => {
  const wrk = started(target, round)
  const printed = await new Response(wrk.stdout).text()
  const line = printed.split('\n').find((one) => one.startsWith('{'))
  if ((await wrk.exited) !== 0 || line === undefined) throw new Error(`wrk failed: ${printed}`)
  const found = JSON.parse(line) as Record<string, number>
  const { requests = 0, durationUs = 0, p50Us = 0, p99Us = 0, refused = 0, broken = 0 } = found
  if (refused + broken > 0 || requests === 0)
    throw new Error(`Of ${requests} requests ${refused} were refused and ${broken} not answered`)
  const seconds = durationUs / 1e6
  return { requests, perSecond: requests / seconds, p50Ms: p50Us / 1000, p99Ms: p99Us / 1000 }
}

const ENDLESS_SECONDS = 600

/** Does some work while wrk posts, and ignores the answers to wrk. */
export const besideLoad = async <Result>(
  target: Target,
  connections: number,
  work: () => Promise<Result>,
): Promise<Result> => {
  const wrk = started(target, { connections, seconds: ENDLESS_SECONDS })
  try {
    return await work()
  } finally {
    wrk.kill('SIGKILL')
    await wrk.exited
  }
}

const started = ({ url, ...env }: Target, { connections, seconds }: Round) =>
  Bun.spawn(
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

/** Returns the medians of some rounds. */
export const typical = (loads: readonly Load[]): Load => ({
  requests: median(loads.map(({ requests }) => requests)),
  perSecond: median(loads.map(({ perSecond }) => perSecond)),
  p50Ms: median(loads.map(({ p50Ms }) => p50Ms)),
  p99Ms: median(loads.map(({ p99Ms }) => p99Ms)),
})

export const loadText = ({ perSecond, p50Ms, p99Ms }: Load): string =>
  `${Math.round(perSecond).toLocaleString('en')}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`
