import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BINARY } from '../support/binary.ts'
import { command } from './command.ts'
import { fullDisk, readOnly } from './disks.ts'
import { type Gateway, gatewayOn } from './gateway.ts'
import { debianImage, ext4 } from './image.ts'
import { install, manual } from './install.ts'
import { virtualMachine } from './machine.ts'
import { endings, network, powerCut, reboot } from './power.ts'
import { type Check, newReport } from './report.ts'
import { olderVersion, upgrade } from './upgrade.ts'

// Follows the manual on virtual machines that boot Debian with systemd; see test/README.md.

type List = (gateway: Gateway, check: Check) => Promise<void>

/** What happens to one gateway, one after another; each needs what `install` leaves. */
const LISTS: Readonly<Record<string, List>> = {
  reboot,
  'power-cut': powerCut,
  network,
  endings,
  'full-disk': fullDisk,
  'read-only': readOnly,
  manual,
}

const DATA_MIB = 256
const STICK_MIB = 384
/** It ends by then, whatever happens. */
const RUN_MS_MAX = 5_400_000

const wanted = process.argv.slice(2)
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name)
const unknown = wanted.filter(
  (name) => name !== 'upgrade' && !(name in LISTS) && name !== 'install',
)
if (unknown.length > 0) {
  console.error(`usage: bun run test:gateway [install|upgrade|${Object.keys(LISTS).join('|')}]...`)
  process.exit(2)
}

const missing = ['debootstrap', 'qemu-system-x86_64'].filter((name) => Bun.which(name) === null)
if (missing.length > 0) {
  console.error(
    `Missing: ${missing.join(', ')}; run apt-get install --no-install-recommends qemu-system-x86 debootstrap`,
  )
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'secure-lock-gateway-'))
const { check, counts } = newReport()
const image = await debianImage()

/** The executables, as on a USB stick: the new version, and the older one. */
const stick = join(folder, 'stick.img')
for (const [name, path] of [
  ['new', BINARY],
  ['older', join(await olderVersion(), 'secure-lock-server')],
] as const) {
  mkdirSync(join(folder, 'stick', name), { recursive: true })
  cpSync(path, join(folder, 'stick', name, 'secure-lock-server'))
}
await ext4(stick, join(folder, 'stick'), STICK_MIB, 'stick')

/** Boots a fresh Debian, and lets things happen to it. */
const onFreshGateway = async (happen: List): Promise<void> => {
  const own = mkdtempSync(join(folder, 'machine-'))
  const [root, data] = [join(own, 'root.img'), join(own, 'data.img')]
  await command(['cp', '--sparse=always', image.disk, root])
  mkdirSync(join(own, 'empty'))
  await ext4(data, join(own, 'empty'), DATA_MIB, 'data')
  await using machine = await virtualMachine({ image, disks: [root, stick, data], folder: own })
  const limit = setTimeout(() => void machine.cutPower(), RUN_MS_MAX)
  try {
    await machine.start()
    await happen(gatewayOn(machine), check)
  } finally {
    clearTimeout(limit)
  }
}

try {
  if (Object.keys({ install, ...LISTS }).some(isWanted))
    await onFreshGateway(async (gateway) => {
      await install(gateway, check)
      for (const [name, list] of Object.entries(LISTS))
        if (isWanted(name)) await list(gateway, check)
    })
  if (isWanted('upgrade')) await onFreshGateway(upgrade)
} catch (error) {
  await check('the list runs to its end', () => Promise.reject(error))
}
rmSync(folder, { recursive: true })
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exit(counts.failed === 0 ? 0 : 1)
