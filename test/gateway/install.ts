import { equal, match, ok } from 'node:assert/strict'
import { PAGES, section, stepsOf, textOf } from '../support/manual.ts'
import { type Gateway, SERVER } from './gateway.ts'
import type { Check } from './report.ts'

const INSTALL = 'src/manual/install.md'
const ELSEWHERE = '### Keep the data elsewhere'
const [FIRST = '', MOVED = ''] = section(INSTALL, 'With systemd').split(ELSEWHERE)

/** The highest exposure that systemd may report, as in test/cli/systemd-unit.test.ts. */
const EXPOSURE_MAX = 1.5
const MEMORY_MAX = 512 * 1024 ** 2

/** Installs the server as the manual prints it, on a fresh Debian. */
export const install = async (gateway: Gateway, check: Check): Promise<void> => {
  const { run, show } = gateway
  await check('install.md, "With systemd": every command succeeds as printed', async () => {
    const steps = stepsOf(FIRST)
    const written = await gateway.paste(steps, 'new')
    match(written[0] ?? '', /Active: active \(running\)[^]*code +\S+/)
    match(written[1] ?? '', /Added owner owner/)
    return `${steps.length} blocks; first answer at once, ${await gateway.firstAnswer()}`
  })
  await check('the service is enabled, and runs as its user without a capability', async () => {
    equal(await run('systemctl is-enabled secure-lock'), 'enabled')
    equal(await run('systemctl is-active secure-lock'), 'active')
    const status = await run(`cat /proc/${await show('MainPID')}/status`)
    match(status, /^CapEff:\t0{16}$/m)
    match(status, /^Seccomp:\t2$/m)
    equal(await run(`stat -c %U /proc/${await show('MainPID')}`), 'secure-lock')
    equal(Number(await show('MemoryMax')), MEMORY_MAX)
    return `${Math.round(Number(await show('MemoryCurrent')) / 1024 ** 2)} MiB in use`
  })
  await check('systemd-analyze security rates the unit as safe', async () => {
    const out = await run('systemd-analyze security --no-pager secure-lock | tail -1')
    const [, level = ''] = /: (\d+\.\d+) /.exec(out) ?? []
    ok(Number(level) <= EXPOSURE_MAX, out)
    return level
  })
  await check('a phone on the network registers, and its unlocks are recorded', async () => {
    await gateway.addPhone()
    await run(`${SERVER} user admit ada`)
    await gateway.withoutLimits()
    const phones = await gateway.phones(await gateway.asPhone())
    await phones.stop()
    return gateway.expectTruth(await gateway.asOwner())
  })
  await check('the journal has no error', async () => {
    const lines = await run('journalctl -u secure-lock -o cat --no-pager')
    equal(
      lines
        .split('\n')
        .filter((line) => /"level":"(error|fatal)"/.test(line))
        .join('\n'),
      '',
    )
  })
}

/** The other pages that are about a gateway, whose commands need systemd. They restore a backup, so this
 * comes last. */
export const manual = async (gateway: Gateway, check: Check): Promise<void> => {
  const { run } = gateway
  await check(
    'install.md, "Keep the data elsewhere": every command succeeds as printed',
    async () => {
      await gateway.paste(stepsOf(MOVED), 'new')
      await gateway.firstAnswer()
      const truth = await gateway.expectTruth(await gateway.asOwner())
      match(
        await run(`ls /proc/${await gateway.show('MainPID')}/fd -l`),
        /\/srv\/secure-lock\/secure-lock\.db\n/,
      )
      return truth
    },
  )
  await check('and the same backwards, because other pages name the usual folder', async () => {
    const back = stepsOf(MOVED).map((step) => ({
      ...step,
      command: step.command
        .replaceAll('/srv/', '/SRV/')
        .replaceAll('/var/lib/', '/srv/')
        .replaceAll('/SRV/', '/var/lib/'),
    }))
    await gateway.paste(back, 'new')
    await gateway.firstAnswer()
    return gateway.expectTruth(await gateway.asOwner())
  })
  const pages = ['backups', 'troubleshooting', 'metrics', 'commands', 'https']
  for (const name of pages)
    await check(`${name}.md: every command succeeds as printed`, async () => {
      const path = PAGES.find((page) => page.endsWith(`/${name}.md`)) ?? ''
      const steps = stepsOf(textOf(path))
      await gateway.paste(steps, 'new')
      return `${steps.length} blocks`
    })
  await check('with HTTPS on, doctor finds no fault', async () => {
    await run('secure-lock-server --env-file /etc/secure-lock.env healthcheck')
    return (await run(`${SERVER} doctor`)).split('\n').at(-1) ?? ''
  })
}
