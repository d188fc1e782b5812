import { expect, test } from 'bun:test'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer } from '../support/app.ts'
import {
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { textOf } from '../support/manual.ts'
import { until } from '../support/until.ts'

/** The file of the manual, for that server, token file and interval. */
const configOf = (host: string, tokenFile: string): string => {
  const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(textOf('src/manual/metrics.md')) ?? []
  expect(yaml).toContain('credentials_file: /etc/secure-lock-metrics-token')
  return yaml
    .replace('/etc/secure-lock-metrics-token', tokenFile)
    .replace('127.0.0.1:8080', host)
    .replace('scrape_interval: 15s', 'scrape_interval: 1s')
}

test('[G5] the token is created at the first start, for the service’s user only, and printed by a command', async () => {
  await using service = await startService({ env: UNLIMITED })
  const { folder, url } = service
  expect(statSync(join(folder, 'data/metrics-token')).mode & 0o777).toBe(0o600)
  const { out, status } = await runCommand(['metrics-token'], { folder })
  expect(status).toBe(0)
  expect(out).toMatch(/^[\w-]{64}\n$/)
  const asked = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${out.trim()}` },
  })
  expect(asked.status).toBe(200)
  const elsewhere = await runCommand(['metrics-token'], { folder, env: { DATA_DIR: 'none' } })
  expect(elsewhere.status).toBe(1)
  expect(elsewhere.words).toContain('There is no metrics token at')
})

test('[G5] a token file that cannot be used leaves /metrics to admins, and does not stop the door', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'data/metrics-token'), { recursive: true, mode: 0o700 })
  await using service = await startService({ env: UNLIMITED, folder })
  await addAccount('amy', { role: 'admin', folder })
  const status = async (token: string) =>
    (await fetch(`${service.url}/metrics`, { headers: bearer(token) })).status
  expect(await status('')).toBe(401)
  expect(await status(await tokenFor(service.url, 'amy'))).toBe(200)
  await service.stop()
  expect(service.output().log).toContain('no metrics token: only admins may read /metrics')
  rmSync(folder, { recursive: true })
})

test.skipIf(!Bun.which('prometheus'))(
  '[G5] Prometheus with the file of the manual is refused without the token, and scrapes with it',
  async () => {
    await using service = await startService()
    const folder = temporaryFolder()
    const tokenFile = join(folder, 'token')
    const port = await freePort()
    writeFileSync(tokenFile, 'not yet\n')
    writeFileSync(join(folder, 'prometheus.yml'), configOf(new URL(service.url).host, tokenFile))
    const prometheus = Bun.spawn(
      ['prometheus', `--config.file=${folder}/prometheus.yml`].concat(
        `--storage.tsdb.path=${folder}/tsdb`,
        `--web.listen-address=127.0.0.1:${port}`,
      ),
      { stdout: 'ignore', stderr: 'ignore' },
    )
    try {
      const health = async (): Promise<string> => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/targets`).catch(() => undefined)
        if (!answer?.ok) return 'starting'
        const { data } = (await answer.json()) as { data: { activeTargets: { health: string }[] } }
        return data.activeTargets[0]?.health ?? 'starting'
      }
      await until(async () => (await health()) === 'down')
      const { out } = await runCommand(['metrics-token'], { folder: service.folder })
      writeFileSync(tokenFile, out)
      await until(async () => (await health()) === 'up')
    } finally {
      prometheus.kill()
      await prometheus.exited
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
