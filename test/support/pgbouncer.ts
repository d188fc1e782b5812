import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, temporaryFolder } from './binary.ts'
import { until } from './until.ts'

const PGBOUNCER = Bun.which('pgbouncer', { PATH: `${process.env['PATH']}:/usr/sbin` })

/** Whether PgBouncer can be started here. */
export const CAN_PGBOUNCER = PGBOUNCER !== null

/** Starts PgBouncer in front of a server, with few connections, so that homes take turns on them. */
export const startPgBouncer = async (port: number, mode: 'transaction' | 'session', more = '') => {
  const folder = temporaryFolder()
  const listenPort = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]
* = host=127.0.0.1 port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${mode === 'transaction' ? 3 : 40}
${more}
`.replace('* = ', '* = user=postgres '),
  )
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const path of [folder, file]) chownSync(path, 65_534, 65_534)
  const pooler = Bun.spawn(
    [
      ...(isRoot ? 'setpriv --reuid 65534 --regid 65534 --clear-groups'.split(' ') : []),
      PGBOUNCER ?? '',
      '--quiet',
      file,
    ],
    { stdout: 'ignore', stderr: 'pipe' },
  )
  const isUp = () =>
    Bun.connect({ hostname: '127.0.0.1', port: listenPort, socket: { data: () => {} } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
  await until(isUp)
  return {
    /** Where a home is, for DATABASE_URI. */
    home: (schema: string): string =>
      `postgres://postgres@127.0.0.1:${listenPort}/postgres?schema=${schema}`,
    [Symbol.asyncDispose]: async () => {
      pooler.kill()
      await pooler.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
