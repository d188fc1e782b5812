import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { AppError } from '../../../src/errors.ts'
import { type Client, postgresClient } from '../../../src/storage/postgres/client.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { selfSigned } from '../../support/certificates.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'

/** Returns whether a connection that is asked for its TLS gets any, or the sentence with which it fails. */
const outcomeOf = async (client: Client): Promise<string> => {
  try {
    const [row] = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', [])
    return row?.['ssl'] === true ? 'TLS' : 'no TLS'
  } catch (error) {
    return error instanceof AppError ? error.message : String(error)
  } finally {
    await client.close()
  }
}

test.if(CAN_POSTGRES)(
  'the certificate of the server and its name are verified in the handshake',
  async () => {
    const folder = temporaryFolder()
    // For localhost and 127.0.0.1.
    const own = selfSigned(folder, 'own')
    const other = selfSigned(folder, 'other')
    await using server = await startPostgres({
      tls: own,
      access: ['local all all trust', 'hostssl all all all trust'],
    })
    await using plain = await startPostgres()
    const given = (root: string) =>
      postgresAddress(
        `postgres://postgres@localhost:${server.port}/postgres?sslmode=verify-full&sslrootcert=${root}`,
      )
    const right = given(own.cert)

    expect(await outcomeOf(postgresClient({ address: right, max: 1 }))).toBe('TLS')
    expect(await outcomeOf(postgresClient({ address: given(other.cert), max: 1 }))).toBe(
      'The certificate of the database is not trusted; set sslrootcert to the certificate of its CA',
    )
    const renamed = { ...right, tls: { serverName: 'db.example.org', ca: right.tls?.ca } }
    expect(await outcomeOf(postgresClient({ address: renamed, max: 1 }))).toBe(
      'The certificate of the database is for another host than the one in DATABASE_URI',
    )
    const toPlain = { ...right, port: plain.port }
    expect(await outcomeOf(postgresClient({ address: toPlain, max: 1 }))).toBe(
      'The database does not offer TLS, which a connection over a network needs',
    )
    const without = { ...right, tls: undefined }
    expect(await outcomeOf(postgresClient({ address: without, max: 1 }))).toStartWith(
      'The database refuses this login',
    )
    expect(() => given(join(folder, 'missing.pem'))).toThrow('cannot be read')
  },
)
