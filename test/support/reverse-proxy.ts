import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, temporaryFolder } from './binary.ts'
import { selfSigned } from './certificates.ts'
import { textOf } from './manual.ts'
import { until } from './until.ts'

export const PROXIES = ['nginx', 'caddy', 'haproxy'] as const
export type Proxy = (typeof PROXIES)[number]

/** The name that the examples of the manual serve. */
const NAME = 'lock.example.org'

type Started = {
  /** Runs curl through the proxy, as the client at that loopback address; returns what it writes. */
  readonly curl: (from: string, path: string, ...args: string[]) => Promise<string>
  readonly url: string
  readonly port: number
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Returns the example of the manual for a proxy. */
export const exampleOf = (proxy: Proxy): string => {
  const language = proxy === 'caddy' ? 'caddyfile' : proxy
  const [, text] =
    new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(textOf('src/manual/proxy.md')) ?? []
  if (text === undefined) throw new Error(`proxy.md has no example for ${proxy}`)
  return text
}

/** Starts a proxy with a configuration like that of the manual: only its port, its certificate and
 * the address of the server are replaced. */
export const startProxy = async (
  proxy: Proxy,
  config: string,
  service: string,
): Promise<Started> => {
  const folder = temporaryFolder()
  const port = await freePort()
  const { cert, key } = selfSigned(folder, NAME)
  const both = join(folder, 'both.pem')
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  const here = config
    .replace('127.0.0.1:8080', new URL(service).host)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('bind :443', `bind 127.0.0.1:${port}`)
    .replace('/etc/ssl/lock.pem', cert)
    .replace('/etc/ssl/lock-key.pem', key)
    .replace('/etc/ssl/lock-with-key.pem', both)
    .replace(`${NAME} {`, `https://${NAME}:${port} {\n tls ${cert} ${key}`)
  const path = join(folder, 'config')
  writeFileSync(path, WRAPPED[proxy](here, folder))
  const started = Bun.spawn(COMMANDS[proxy](path, folder), {
    env: { PATH: `${process.env['PATH']}:/usr/sbin`, HOME: folder },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const url = `https://${NAME}:${port}`
  const curl = async (from: string, where: string, ...args: string[]): Promise<string> => {
    const resolve = `${NAME}:${port}:127.0.0.1`
    const words = ['-sSk', '--max-time', '20', '--interface', from, '--resolve', resolve, ...args]
    const run = Bun.spawn(['curl', ...words, url + where], { stdout: 'pipe', stderr: 'pipe' })
    return new Response(run.stdout).text()
  }
  await until(async () => {
    if (started.exitCode !== null) throw new Error(await new Response(started.stderr).text())
    return (await curl('127.0.0.1', '/livez')).includes('ok')
  })
  return {
    curl,
    url,
    port,
    [Symbol.asyncDispose]: async () => {
      started.kill('SIGTERM')
      await started.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const COMMANDS: Readonly<Record<Proxy, (path: string, folder: string) => string[]>> = {
  nginx: (path, folder) => ['nginx', '-c', path, '-p', folder],
  caddy: (path) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', path],
  haproxy: (path) => ['haproxy', '-db', '-f', path],
}

const WRAPPED: Readonly<Record<Proxy, (config: string, folder: string) => string>> = {
  nginx: (config, folder) => {
    mkdirSync(join(folder, 'temp'))
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/temp/${name};`)
      .join(' ')
    return `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error; events {}
      http { access_log off; ${paths} ${config} }`
  },
  caddy: (config) => `{\n admin off\n auto_https disable_redirects\n}\n${config}`,
  haproxy: (config) => config,
}
