import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']
const BAD = ['%', '%f', '%ff', '%zz', '%c0%af', '%ed%a0%80', 'a%', '%E0%A4%A', '%00', 'a%00b']

test('[G12, I2] a path that cannot be decoded, or has a NUL, is 404 for every method, on routes, pages and elsewhere', async () => {
  const folder = temporaryFolder()
  await using service = await startService({ folder, env: UNLIMITED })
  await addAccount('oli', { folder, role: 'owner', env: UNLIMITED })
  const token = await tokenFor(service.url, 'oli')
  const { hostname, port } = new URL(service.url)
  /** Sends the path as it is: fetch would mend some of these. */
  const statusOf = (method: string, path: string, headers: string) =>
    new Promise<string>((done) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n${headers}\r\n`,
        ),
      )
      let answer = ''
      socket
        .on('data', (data) => (answer += data.toString()))
        .on('close', () => done(answer.slice(9, 12)))
    })
  const document = (await (await fetch(`${service.url}/swagger/json`)).json()) as {
    paths: Record<string, unknown>
  }
  const routes = Object.keys(document.paths).filter((path) => path.includes('{'))
  expect(routes.length).toBeGreaterThan(8)
  const paths = [
    // A third of them on each route, in turn.
    ...routes.flatMap((path, at) =>
      BAD.filter((_, which) => (at + which) % 3 === 0).map((bad) =>
        path.replaceAll(/\{[^}]+\}/g, bad),
      ),
    ),
    ...[
      '/',
      '/nowhere/',
      '/v1/',
      '/manual/',
      '/console/',
      '/join/',
      '/login/',
      '/login',
      '/swagger/',
    ].flatMap((path) => ['%', '%f', '%ff', '%zz', '%00'].map((bad) => path + bad)),
  ]
  const wrong: string[] = []
  for (const path of paths)
    await Promise.all(
      METHODS.map(async (method) => {
        for (const headers of ['', `Authorization: Bearer ${token}\r\n`]) {
          const status = await statusOf(method, path, headers)
          if (status !== '404') wrong.push(`${status} ${method} ${path} ${headers && 'owner'}`)
        }
      }),
    )
  expect(wrong).toStrictEqual([])
  await service.stop()
  expect(service.output().log).not.toContain('request failed')
})
