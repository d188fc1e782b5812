import { equal, match } from 'node:assert/strict'
import { ROOT, section, stepsOf } from '../support/manual.ts'
import { until } from '../support/until.ts'
import { command } from './command.ts'
import { type Gateway, SERVER, seconds } from './gateway.ts'
import { cached } from './image.ts'
import type { Check } from './report.ts'

/** Version 0.1.0, schema 7: the one whose data folder is in test/storage/older-version. */
const OLDER = '3af4a4d'
const NEW_VERSION = stepsOf(section('src/manual/install.md', 'Install a new version'))

/** The folder of an executable of the older version, built from the history of this repository. */
export const olderVersion = (): Promise<string> =>
  cached(`older ${OLDER}`, async (part) => {
    const source = `${part}/source`
    await command(['git', 'clone', '--quiet', '--no-checkout', ROOT, source])
    await command(['git', 'checkout', '--quiet', OLDER], { cwd: source })
    for (const words of [
      ['install', '--frozen-lockfile'],
      ['run', 'build'],
    ])
      await command([process.execPath, ...words], { cwd: source })
    await command(['mv', `${source}/dist/secure-lock-server`, part])
    await command(['rm', '-r', source])
  })

/** What the manual of the older version says about installing it. */
const olderSteps = async () => {
  const text = await command(['git', 'show', `${OLDER}:README.md`], { cwd: ROOT })
  return stepsOf(text.slice(text.indexOf('### With systemd'), text.indexOf('### Without systemd')))
}

export const upgrade = async (gateway: Gateway, check: Check): Promise<void> => {
  const { run } = gateway
  await check('version 0.1.0 is installed as its own manual prints it, and used', async () => {
    await gateway.paste(await olderSteps(), 'older')
    await gateway.firstAnswer()
    await gateway.addPhone()
    await gateway.withoutLimits()
    const phones = await gateway.phones(await gateway.asPhone())
    await phones.stop()
    await run(`${SERVER} log checkpoint > /tmp/checkpoint; sync`)
    return `${await run('secure-lock-server --version')}; ${gateway.outcomes.acknowledged.size} unlocks`
  })
  await check(
    'a command of the new version beside the older service says to restart it',
    async () => {
      await run('install -m 755 /media/new/secure-lock-server /usr/local/bin/secure-lock-server')
      const { status, out } = await gateway.machine.run(
        `echo 'a door of its own' | ${SERVER} user add --role member late`,
      )
      equal(status, 1)
      match(out, /restart the service/)
      return out.trim()
    },
  )
  await check(
    'install.md, "Install a new version": every command succeeds as printed',
    async () => {
      const begun = performance.now()
      await gateway.paste(NEW_VERSION, 'new')
      await gateway.firstAnswer()
      const took = seconds(performance.now() - begun)
      equal(/network-online/.test(await run('systemctl cat secure-lock')), false)
      match(await run('ls /var/lib/secure-lock'), /^secure-lock\.db\.before-schema-\d+$/m)
      return `${await run('secure-lock-server --version')}, answers ${took} after the first command`
    },
  )
  await check(
    'everything is there after the upgrade, and the log extends the kept checkpoint',
    async () => {
      await gateway.asPhone()
      await run(`${SERVER} log verify --checkpoint /tmp/checkpoint`)
      return gateway.expectTruth(await gateway.asOwner(), RECORDS)
    },
  )
  await check('back to the older version, as the manual says in words', async () => {
    await run(`set -e
      systemctl stop secure-lock
      cd /var/lib/secure-lock
      mv secure-lock.db newer.db
      cp -p secure-lock.db.before-schema-* secure-lock.db
      install -m 755 /media/older/secure-lock-server /usr/local/bin/secure-lock-server
      systemctl start secure-lock`)
    await gateway.firstAnswer()
    const phones = await gateway.phones(await gateway.asPhone())
    await phones.stop()
    match(await run(`${SERVER} log verify`), /^The log is whole: \d+ events$/m)
    return run('secure-lock-server --version')
  })
  // The log of the newer version is lost with its database, which has to be accepted. As long as the log is stopped, no
  // lock is recorded: the start after this one does that.
  await check('a power cut in the upgrade: the next start completes it', async () => {
    await run(`rm /var/lib/secure-lock/*before-schema* /var/lib/secure-lock/newer.db; sync`)
    await run(
      'install -m 755 /media/new/secure-lock-server /usr/local/bin/secure-lock-server; sync',
    )
    await run('systemctl restart --no-block secure-lock')
    await until(
      async () => !(await gateway.answers()) || (await gateway.show('SubState')) === 'start',
    )
    await Bun.sleep(Math.random() * UPGRADE_MS)
    await gateway.machine.cutPower()
    await gateway.machine.start()
    const took = await gateway.firstAnswer()
    match(
      await run(`${SERVER} log accept-loss --yes 2>&1`),
      /another database was put in its place/,
    )
    return `answers ${took} later; ${await gateway.expectTruth(await gateway.asOwner())}`
  })
}

/** What the upgrade records: the first lock, and that everybody may open it. */
const RECORDS = 2

const UPGRADE_MS = 2000
