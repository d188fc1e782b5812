import { equal, match, notEqual, ok } from 'node:assert/strict'
import { until } from '../support/until.ts'
import { type Gateway, seconds } from './gateway.ts'
import type { Check } from './report.ts'

const CUTS = 3
const JOURNAL = 'journalctl -u secure-lock -o cat --no-pager'

export const reboot = async (gateway: Gateway, check: Check): Promise<void> => {
  await check('a reboot under load: the service stops in order and starts again', async () => {
    await gateway.phones(await gateway.asPhone())
    const begun = performance.now()
    await gateway.machine.reboot('systemctl reboot')
    await gateway.firstAnswer()
    const took = seconds(performance.now() - begun)
    const before = await gateway.run(`${JOURNAL} -b -1 | tail -5`)
    match(before, /secure-lock\.service: Deactivated successfully\./)
    return `first answer ${took} after the command, ${await gateway.readyAfterBoot()} after the kernel started`
  })
  await check('after it: every acknowledged unlock is there', async () =>
    gateway.expectTruth(await gateway.asOwner()),
  )
}

export const powerCut = async (gateway: Gateway, check: Check): Promise<void> => {
  for (let cut = 1; cut <= CUTS; cut += 1) {
    await check(`power cut ${cut} under load: the service answers again by itself`, async () => {
      const phones = await gateway.phones(await gateway.asPhone())
      await gateway.machine.cutPower()
      const count = await phones.stop()
      const begun = performance.now()
      await gateway.machine.start()
      await gateway.firstAnswer()
      const took = seconds(performance.now() - begun)
      return `${count} acknowledged before; first answer ${took} after the power, ${await gateway.readyAfterBoot()} after the kernel started`
    })
    await check(`after power cut ${cut}: every acknowledged unlock is there, once`, async () =>
      gateway.expectTruth(await gateway.asOwner()),
    )
  }
}

const isOnline = (gateway: Gateway) =>
  gateway.machine.run('systemctl is-active network-online.target')

export const network = async (gateway: Gateway, check: Check): Promise<void> => {
  const bootWithoutNetwork = async () => {
    await gateway.machine.cutPower()
    await gateway.machine.start({ network: false })
  }
  await check('no network at boot: the service starts at once', async () => {
    await bootWithoutNetwork()
    await until(async () => (await gateway.show('ActiveState')) === 'active', 300_000)
    notEqual((await isOnline(gateway)).out.trim(), 'active')
    await gateway.run('curl -sf http://localhost:8080/livez')
    equal(await gateway.answers(), false)
    return `ready ${await gateway.readyAfterBoot()} after the kernel started, without network-online.target`
  })
  await check('and phones reach it as soon as there is a network', async () => {
    await gateway.machine.plugIn()
    const took = await gateway.firstAnswer()
    equal(await gateway.show('NRestarts'), '0')
    return `${took} after the cable; ${await gateway.expectTruth(await gateway.asOwner())}`
  })
  await check('HOST is an address that comes later: systemd tries until it is there', async () => {
    const address = await gateway.run(
      "ip -4 -br address show eth0 | sed 's/.* \\([0-9.]*\\)\\/.*/\\1/'",
    )
    await gateway.run(`sync; echo HOST=${address} >> /etc/secure-lock.env; sync`)
    await bootWithoutNetwork()
    await until(async () => Number(await gateway.show('NRestarts')) >= 2, 300_000)
    const tries = Number(await gateway.show('NRestarts'))
    await gateway.machine.plugIn()
    const took = await gateway.firstAnswer()
    ok(tries >= 2)
    await gateway.run('sed -i /^HOST=/d /etc/secure-lock.env && systemctl restart secure-lock')
    await gateway.firstAnswer()
    return `${tries} tries before the cable, first answer ${took} after it`
  })
}

export const endings = async (gateway: Gateway, check: Check): Promise<void> => {
  const restarts = async () => Number(await gateway.show('NRestarts'))
  const restarted = async (before: number) =>
    until(async () => (await restarts()) > before && (await gateway.answers()), 300_000)

  await check('stopped under load: in order, within 15 s, and started again', async () => {
    const phones = await gateway.phones(await gateway.asPhone())
    const begun = performance.now()
    await gateway.run('systemctl stop secure-lock')
    const took = seconds(performance.now() - begun)
    await phones.stop()
    equal(await gateway.show('Result'), 'success')
    equal(await gateway.show('ExecMainStatus'), '0')
    await gateway.run('systemctl start secure-lock')
    return `${took}; ${await gateway.expectTruth(await gateway.asOwner())}`
  })
  await check('killed under load: systemd restarts it after two seconds', async () => {
    const phones = await gateway.phones(await gateway.asPhone())
    const before = await restarts()
    const begun = performance.now()
    await gateway.run('systemctl kill -s KILL secure-lock')
    await restarted(before)
    const took = seconds(performance.now() - begun)
    await phones.stop()
    return `answers after ${took}; ${await gateway.expectTruth(await gateway.asOwner())}`
  })
  await check('stopped by SIGSTOP: the watchdog notices, and systemd restarts it', async () => {
    const before = await restarts()
    const begun = performance.now()
    await gateway.run('kill -STOP $(systemctl show secure-lock -p MainPID --value)')
    await restarted(before)
    const took = seconds(performance.now() - begun)
    match(await gateway.run(`${JOURNAL} -n 200`), /Watchdog timeout \(limit 1min\)!/)
    return `answers after ${took}; ${await gateway.expectTruth(await gateway.asOwner())}`
  })
  await check(
    'MemoryMax reached under load: only the service is killed, and starts again',
    async () => {
      const phones = await gateway.phones(await gateway.asPhone())
      const before = await restarts()
      const since = await gateway.run('date +%s')
      const begun = performance.now()
      await gateway.run(FILL_MEMORY)
      await restarted(before)
      const took = seconds(performance.now() - begun)
      await phones.stop()
      const journal = await gateway.run(`${JOURNAL} --since @${since}`)
      match(journal, /Failed with result 'oom-kill'/)
      match(
        await gateway.run(`journalctl -k --no-pager --since @${since}`),
        /Memory cgroup out of memory: Killed process \d+ \(secure-lock-ser/,
      )
      return `answers after ${took}; ${await gateway.expectTruth(await gateway.asOwner())}`
    },
  )
}

/** Takes memory on the account of the service, as a leak in it would, until the kernel kills the server:
 * this process itself is exempt. */
const FILL_MEMORY = `
sh -c 'echo $$ > /sys/fs/cgroup/system.slice/secure-lock.service/cgroup.procs
  exec setsid choom -n -1000 -- tail /dev/zero' > /dev/null 2>&1 &`
