import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'

/** The root of a system with musl and what `apk add libstdc++` installs, such as an unpacked Alpine.
 * Debian has no libstdc++ for musl, so nothing is tested here without one; see test/README.md. */
const ROOT = process.env['MUSL_ROOT']
const LOADERS = { x64: 'ld-musl-x86_64.so.1', arm64: 'ld-musl-aarch64.so.1' } as const
const PROCESSOR = process.arch === 'arm64' ? 'arm64' : 'x64'
const BUILDS = PROCESSOR === 'arm64' ? ['arm64-musl'] : ['x64-musl', 'x64-musl-baseline']

for (const build of ROOT === undefined ? [] : BUILDS)
  test(`the build linux-${build} starts, records an unlock, verifies the log, backs up and stops`, async () => {
    const how = {
      // What `bun run build:all` leaves.
      binary: resolve(import.meta.dir, `../../dist/secure-lock-server-linux-${build}`),
      within: [
        `${ROOT}/lib/${LOADERS[PROCESSOR]}`,
        '--library-path',
        `${ROOT}/usr/lib:${ROOT}/lib`,
      ],
      folder: temporaryFolder(),
      env: UNLIMITED,
    }
    const run = async (...args: readonly string[]) => {
      const { status, out, words } = await runCommand(args, how)
      return `${status} ${out}${words}`
    }
    await using service = await startService(how)
    const { post } = clientOf(service.url)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    expect((await post('/register', person)).status).toBe(200)
    const answer = (await (await post('/login', person)).json()) as { access_token: string }
    const unlock = { 'unlocking-method': 'pin' }
    expect((await post('/logUnlocking', unlock, bearer(answer.access_token))).status).toBe(200)
    expect(await run('user', 'list')).toMatch(/^0 .*\tada$/ms)
    expect(await run('log', 'verify')).toStartWith('0 The log is intact: 1 event')
    expect(await run('backup', 'one.tar')).toStartWith('0 Backed up 1 event')
    expect(await run('restore', '--check', 'one.tar')).toStartWith('0 The backup is intact')
    expect(await service.stop()).toBe(0)
    rmSync(how.folder, { recursive: true })
  })
