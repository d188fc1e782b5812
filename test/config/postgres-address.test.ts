import { expect, test } from 'bun:test'
import { postgresAddress, shownAddress } from '../../src/config/postgres-address.ts'

const faultOf = (text: string): string => {
  try {
    postgresAddress(text)
    return 'accepted'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

test('over a network, the certificate and the name of the server are verified', () => {
  const { tls } = postgresAddress('postgres://u:p@db.example.org/lock')
  expect(tls).toEqual({ serverName: 'db.example.org', ca: undefined })
})

test.each(['disable', 'allow', 'prefer', 'require', 'verify-ca'])(
  'over a network, sslmode=%s is refused',
  (mode) => {
    expect(faultOf(`postgres://u:secret@db.example.org/lock?sslmode=${mode}`)).toBe(
      `has sslmode=${mode}, which does not verify who the server is; use verify-full, and sslrootcert for a CA of your own`,
    )
  },
)

test.each(['127.0.0.1', '127.8.0.1', 'localhost', '[::1]'])(
  'what stays on this machine needs no TLS: %s',
  (host) => expect(postgresAddress(`postgres://u@${host}/lock`).tls).toBeUndefined(),
)

test('a socket needs no TLS, and is a folder', () => {
  const address = postgresAddress('postgres://u@/lock?host=/run/postgresql')
  expect(address).toMatchObject({ host: '/run/postgresql', port: 5432, tls: undefined })
})

test('the server behind a pooler is verified like the pooler, by its own name', () => {
  const given = 'postgres://u:secret@127.0.0.1:6432/lock?schema=home_17&direct=db.example.org:5433'
  expect(postgresAddress(given)).toMatchObject({
    host: '127.0.0.1',
    port: 6432,
    tls: undefined,
    direct: {
      host: 'db.example.org',
      port: 5433,
      user: 'u',
      password: 'secret',
      database: 'lock',
      schema: 'home_17',
      tls: { serverName: 'db.example.org' },
    },
  })
  expect(shownAddress(postgresAddress(given))).toBe(
    'postgres://u@127.0.0.1:6432/lock?schema=home_17',
  )
})

test.each(['', ':5432', 'a b', 'u@db', 'db/other', 'db?x=1'])('direct=%s is refused', (place) => {
  expect(faultOf(`postgres://u@localhost/lock?direct=${encodeURIComponent(place)}`)).toBe(
    'has a value for direct that is not host:port',
  )
})

test.each(['Home', '1home', 'pg_home', 'home;drop', 'a'.repeat(64)])(
  'a schema %s is refused',
  (schema) =>
    expect(faultOf(`postgres://u@localhost/lock?schema=${encodeURIComponent(schema)}`)).toStartWith(
      'has a schema',
    ),
)

test.each(['schema', 'sslmode', 'direct', 'host', 'sslrootcert'])(
  'a %s that is given twice is refused, and neither value is repeated',
  (name) =>
    expect(
      faultOf(`postgres://u@db.example.org/lock?${name}=secret&schema=home&${name}=verify-full`),
    ).toBe(`has ${name} more than once; give it once`),
)

test('no message repeats the password', () => {
  for (const rest of ['', '?sslmode=require', '?schema=A', '?unknown=1', '?direct=x@y'])
    expect(faultOf(`postgres://u:secret@db.example.org/${rest}`)).not.toContain('secret')
})

test.each([
  'postgres://u:12?secret@db.example.org/lock',
  'postgres://u:1?2=secret@db.example.org/lock',
  'postgres://u:a@b/c?secret@db.example.org/lock',
  'postgres://u:secret#1@db.example.org/lock',
  'postgres://u:a@b/secret@db.example.org/lock',
  'postgres://u:secret%zz@db.example.org/lock',
  'postgres://u:a@b/c?sslmode=Secret secret!@db.example.org/lock',
])('no message repeats a part of a password that is not encoded: %s', (text) => {
  const fault = faultOf(text)
  expect(fault).toMatch(/^(?:must look like|has an unknown parameter|has a value for sslmode,)/)
  expect(fault).not.toContain('secret')
})

test('a parameter of libpq that has no effect here is named', () =>
  expect(faultOf('postgres://u@localhost/lock?application_name=x')).toBe(
    'has the unknown parameter application_name; there are schema, sslmode, sslrootcert, host, direct',
  ))
