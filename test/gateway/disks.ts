import { equal, match } from 'node:assert/strict'
import { PASSWORD, bearer } from '../support/app.ts'
import { until } from '../support/until.ts'
import { type Gateway, SERVER } from './gateway.ts'
import type { Check } from './report.ts'

const MIB = 1024 ** 2
const TRIES_MS_MAX = 300_000

/** Leaves that many bytes of the disk for everyone but root. */
const leave = (gateway: Gateway, bytes: number) =>
  gateway.run(`rm -f /filler; sync; free=$(df --output=avail -B1 / | tail -1)
    fallocate -l $((free - ${bytes})) /filler && sync`)

const PERSON = { username: 'grace', password: PASSWORD, phone: '1', address: 'x' }

export const fullDisk = async (gateway: Gateway, check: Check): Promise<void> => {
  const { client } = gateway
  const phone = await gateway.asPhone()
  const statusOf = async (answer: Promise<Response>) => {
    const { status } = await answer
    return status
  }
  const list = () => statusOf(client.get('/v1/unlocks', bearer(phone)))
  const ready = () => statusOf(client.get('/readyz'))

  await check('40 MiB free: nobody registers, a lone unlock is recorded', async () => {
    await leave(gateway, 40 * MIB)
    await until(async () => /reserved/.test(await (await client.get('/readyz')).text()))
    equal(await statusOf(client.post('/register', PERSON)), 503)
    equal(await gateway.unlock(phone, 'at 40 MiB'), 200)
    equal(await ready(), 200)
  })
  await check('8 MiB free: members write nothing, the owner logs in, reading works', async () => {
    await leave(gateway, 8 * MIB)
    await until(async () => (await ready()) === 503)
    equal(await gateway.unlock(phone, 'at 8 MiB'), 503)
    await gateway.asOwner()
    equal(await list(), 200)
  })
  await check('nothing free: writes are refused, reading works', async () => {
    await leave(gateway, 0)
    await until(async () => (await ready()) === 503)
    equal(await gateway.unlock(phone, 'at 0'), 503)
    equal(await list(), 200)
    equal(await gateway.answers(), true)
  })
  await check('room again: it writes without a restart', async () => {
    const before = await gateway.show('MainPID')
    await gateway.run('rm /filler; sync')
    await until(async () => (await ready()) === 200)
    equal(await gateway.unlock(phone, 'room for now'), 200)
    equal(await gateway.show('MainPID'), before)
  })
  await check('nothing free, and a restart: it starts, and reading works', async () => {
    await leave(gateway, 0)
    await gateway.run('systemctl restart secure-lock')
    await gateway.firstAnswer()
    equal(await gateway.unlock(phone, 'at 0, restarted'), 503)
    equal(await list(), 200)
  })
  await check(
    'nothing free, and a power cut: systemd tries again until there is room',
    async () => {
      await gateway.machine.cutPower()
      await gateway.machine.start()
      await until(async () => Number(await gateway.show('NRestarts')) >= 2, TRIES_MS_MAX)
      const journal = await gateway.run('journalctl -b -u secure-lock -o cat --no-pager')
      match(journal, /^Cannot open database .*: The disk accepts no writes/m)
      await gateway.run('rm /filler; sync')
      return `answers ${await gateway.firstAnswer()} after there is room`
    },
  )
  await check('room again: it writes, and nothing refused is there', async () => {
    await until(async () => (await ready()) === 200)
    equal(await gateway.unlock(phone, 'room again'), 200)
    const owner = await gateway.asOwner()
    const truth = await gateway.expectTruth(owner)
    const answer = await client.get('/v1/unlocks/export?format=ndjson', bearer(owner))
    equal(/at 0|at 8 MiB/.test(await answer.text()), false)
    return truth
  })
}

export const readOnly = async (gateway: Gateway, check: Check): Promise<void> => {
  const { client, run } = gateway
  const phone = await gateway.asPhone()
  const list = async () => (await client.get('/v1/unlocks', bearer(phone))).status

  await check(
    'the disk fails, and the root turns read-only: reading works, writing does not',
    async () => {
      const phones = await gateway.phones(phone)
      await run('sync; echo 1 > /sys/fs/ext4/vda/trigger_fs_error')
      match((await gateway.machine.run('touch /probe')).out, /Read-only file system/)
      await until(async () => (await client.get('/readyz')).status === 503)
      equal(await gateway.unlock(phone, 'read-only'), 503)
      await phones.stop()
      equal(await list(), 200)
      equal(await gateway.answers(), true)
    },
  )
  await check('restarted meanwhile: systemd tries again and again', async () => {
    await gateway.machine.run('systemctl restart secure-lock')
    const before = Number(await gateway.show('NRestarts'))
    await until(async () => Number(await gateway.show('NRestarts')) >= before + 2, TRIES_MS_MAX)
    equal(await gateway.answers(), false)
    const { status, out } = await gateway.machine.run(`${SERVER} doctor`)
    equal(status, 1)
    match(out, /accepts no writes|read-only/i)
    return out.split('\n').find((line) => /accepts no writes|read-only/i.test(line)) ?? ''
  })
  await check(
    'after the reboot, which repairs the file system: every acknowledged unlock is there',
    async () => {
      await gateway.machine.cutPower()
      await gateway.machine.start()
      await gateway.firstAnswer()
      match(await run('findmnt -no OPTIONS /'), /^rw,/)
      return gateway.expectTruth(await gateway.asOwner())
    },
  )
  await check(
    'a root that is always read-only, with the data on its own disk and /tmp in memory',
    async () => {
      await run(`set -e
      systemctl stop secure-lock
      mount /dev/vdc /mnt && cp -a /var/lib/secure-lock/. /mnt/ && chown secure-lock: /mnt && chmod 700 /mnt && umount /mnt
      sed -i 's/errors=remount-ro/ro/' /etc/fstab
      echo 'LABEL=data /var/lib/secure-lock ext4 nofail 0 0' >> /etc/fstab
      echo 'tmpfs /tmp tmpfs mode=1777 0 0' >> /etc/fstab`)
      await gateway.machine.reboot('systemctl reboot')
      const took = await gateway.firstAnswer()
      match(await run('findmnt -no OPTIONS /'), /^ro,/)
      match(await run('findmnt -no SOURCE /var/lib/secure-lock'), /vdc/)
      const phones = await gateway.phones(await gateway.asPhone())
      await phones.stop()
      return `${took}; ${await gateway.expectTruth(await gateway.asOwner())}`
    },
  )
  await check('and back: the data on a root that is writable', async () => {
    await run(`set -e
      mount -o remount,rw /
      systemctl stop secure-lock
      mkdir /tmp/root && mount --bind / /tmp/root
      cp -a /var/lib/secure-lock/. /tmp/root/var/lib/secure-lock/
      umount /tmp/root /var/lib/secure-lock
      sed -i -e 's/ext4 ro /ext4 errors=remount-ro /' -e /LABEL=data/d -e /tmpfs/d /etc/fstab
      systemctl daemon-reload
      systemctl start secure-lock`)
    await gateway.firstAnswer()
    return gateway.expectTruth(await gateway.asOwner())
  })
}
