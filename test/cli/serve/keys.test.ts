import { describe, expect, test } from 'bun:test'
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shownAddress } from '../../../src/config/postgres-address.ts'
import { type Replica, startReplicas } from '../../faults/replicas.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { runCommand } from '../../support/binary.ts'
import { CAN_POSTGRES } from '../../support/postgres-server.ts'
import { useServer } from '../../support/replicas.ts'
import { enrol } from '../../support/second-factor.ts'

const file = ({ folder }: Replica, name: string): string => join(folder, 'data', name)

test('keys of a home in a file are replaced without a command', async () => {
  const { status, words } = await runCommand(['keys', 'accept'])
  expect(status).toBe(1)
  expect(words).toContain('replace the key in DATA_DIR, and restart the service')
})

describe.if(CAN_POSTGRES)('a key of replicas', () => {
  const place = useServer()

  test('is replaced at one of them and copied to the others, which restart one after another', async () => {
    const address = shownAddress(place().postgres)
    await using home = await startReplicas([address, address])
    const [one, two] = home.replicas
    if (!one || !two) throw new Error('they were not started')
    const env = { DATA_DIR: './data', DATABASE_URI: address }
    await addAccount('oli', { role: 'owner', folder: one.folder, env })
    const before = bearer(await tokenFor(one.url, 'oli'))
    const status = async ({ url }: Replica, headers = before): Promise<number> =>
      (await clientOf(url).get('/v1/me', headers)).status

    expect((await two.run('keys', 'accept')).out).toContain('The home already has these keys')
    rmSync(file(two, 'jwt-secret-key'))
    const accepted = await two.run('keys', 'accept')
    expect(accepted).toMatchObject({ status: 0 })
    expect(accepted.out).toContain('Accepted new keys of the home: jwt-secret-key')
    // Running replicas continue until they are restarted.
    expect([await status(one), await status(two)]).toStrictEqual([200, 200])
    await two.stop()
    await two.start()
    expect([await status(one), await status(two)]).toStrictEqual([200, 401])
    await one.stop()
    const refused = await one.run('serve')
    expect(refused.words).toContain('Missing or different here: jwt-secret-key')
    cpSync(file(two, 'jwt-secret-key'), file(one, 'jwt-secret-key'))
    await one.start()
    const after = bearer(await tokenFor(two.url, 'oli'))
    expect([await status(one, after), await status(two, after)]).toStrictEqual([200, 200])
    const trail = await (await clientOf(one.url).get('/v1/audit?action=keys', after)).json()
    expect(trail).toMatchObject({ events: [{ detail: { keys: 'jwt-secret-key' } }] })

    // A key that cannot be replaced is refused.
    expect((await enrol(clientOf(one.url), after.authorization.slice(7))).secret).not.toBeEmpty()
    writeFileSync(file(two, 'second-factor-key'), 'x'.repeat(64))
    const factors = await two.run('keys', 'accept')
    expect(factors.words).toContain('second factors that only that key can decrypt')
    rmSync(file(two, 'log-signing-key'))
    const log = await two.run('keys', 'accept')
    expect(log.words).toContain('Missing or different here: log-signing-key')
    expect(existsSync(file(two, 'log-signing-key'))).toBe(false)
  })
})
