import { rmSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { PostgresAddress } from '../../config/postgres-address.ts'
import { AppError } from '../../errors.ts'
import { writeStream } from '../backup/backup-file.ts'
import { replacePrivateFile } from '../files/private-files.ts'

/** Runs `pg_dump`, which writes a schema as it is at one moment, while others use it, to a new file that `psql` can load.
 * `path` lists the folders to search for it, as `PATH` does. If this process is killed, `pg_dump` ends too. Rejects with
 * `unavailable` if `pg_dump` is missing, is older than the server, or fails. */
export const pgDump = async (address: PostgresAddress, to: string, path: string): Promise<void> => {
  const command = Bun.which('pg_dump', { PATH: path })
  if (command === null)
    throw new AppError(
      'unavailable',
      'pg_dump is not on PATH: install the PostgreSQL client (on Debian, postgresql-client), or leave out --pg-dump',
    )
  const caFile = `${to}.ca`
  using ends = new DisposableStack()
  ends.defer(() => rmSync(caFile, { force: true }))
  if (address.tls) replacePrivateFile(caFile, address.tls.ca ?? rootCertificates.join('\n'))
  // What a killed process left.
  rmSync(to, { force: true })
  const child = Bun.spawn([command, ...OPTIONS, `--schema=${address.schema}`], {
    env: { PATH: path, ...environment(address, caFile) },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  ends.defer(() => child.kill())
  const [words, status] = await Promise.all([
    new Response(child.stderr).text(),
    child.exited,
    writeStream(to, child.stdout),
  ])
  if (status !== 0) throw new AppError('unavailable', dumpFault(words))
}

const OPTIONS = [
  '--format=plain',
  '--encoding=UTF8',
  '--no-owner',
  '--no-privileges',
  '--no-password',
  '--lock-wait-timeout=30s',
]

/** How libpq reaches a server (postgresql.org/docs/15/libpq-envars.html). Anyone can see the arguments of a process, but
 * only its user and root its environment. */
const environment = (
  { host, port, user, password, database, tls }: PostgresAddress,
  caFile: string,
): Record<string, string> => ({
  // So that its messages are in English.
  LC_ALL: 'C',
  PGHOST: host,
  PGPORT: String(port),
  PGUSER: user,
  ...(password === undefined ? {} : { PGPASSWORD: password }),
  PGDATABASE: database,
  PGCONNECT_TIMEOUT: '10',
  PGOPTIONS: '-c bytea_output=hex',
  ...(tls ? { PGSSLMODE: 'verify-full', PGSSLROOTCERT: caFile } : { PGSSLMODE: 'disable' }),
})

/** Returns what went wrong, in plain words, from what `pg_dump` printed. */
export const dumpFault = (words: string): string => {
  const [, server, own] = /server version: (\S+)[^;]*; pg_dump version: (\S+)/.exec(words) ?? []
  if (server !== undefined)
    return `pg_dump has version ${own}, and the server ${server}: install a client that is no older than the server, or leave out --pg-dump`
  const [first = 'it printed nothing'] = words.split('\n')
  return `pg_dump failed: ${first.replace(/^pg_dump: (?:error: )?/, '')}`
}
