import { describe, expect, test } from 'bun:test'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/binary.ts'

const BENCH = join(import.meta.dir, 'bench.ts')

/** Runs the bench on a machine with that load average, without Go, and without a wrk that measures. */
const bench = (load: number, part: string, env: Readonly<Record<string, string>> = {}) => {
  const folder = temporaryFolder()
  const [average, wrk] = [join(folder, 'loadavg'), join(folder, 'wrk')]
  writeFileSync(average, `${load} ${load} ${load} 1/100 1\n`)
  writeFileSync(wrk, '#!/bin/sh\nexit 1\n')
  chmodSync(wrk, 0o755)
  const script = 'mount --bind "$0" /proc/loadavg && PATH=$1 && shift && exec "$@"'
  const run = Bun.spawnSync(
    ['unshare', '-m', 'sh', '-c', script, average, folder, process.execPath, BENCH, part],
    { env: { ...process.env, ...env }, stdout: 'pipe', stderr: 'pipe' },
  )
  rmSync(folder, { recursive: true })
  return { status: run.exitCode, out: run.stdout.toString() }
}

describe.if(process.getuid?.() === 0)(
  'the bench (needs root, to say how busy a machine is)',
  () => {
    test('on a machine that stays busy judges nothing, measures nothing, and ends with a status of its own', () => {
      expect(bench(3.5, 'unlocks', { BENCH_WAIT_MINUTES: '0' })).toStrictEqual({
        status: 75,
        out: 'not judged: other programs keep this machine busy (load average 3.5)\n',
      })
    })

    test('on a quiet one begins at once', () => {
      // The only part that is left out if something is missing.
      const { status, out } = bench(0.1, 'peer')
      expect(status).toBe(0)
      expect(out).toContain('load average 0.1.')
    })

    test('refuses a part that it does not have', () => {
      expect(bench(0.1, 'everything')).toStrictEqual({ status: 2, out: '' })
    })
  },
)
