import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { command } from './command.ts'

const SUITE = 'bookworm'
const PACKAGES = [
  'linux-image-cloud-amd64',
  'systemd-sysv',
  'systemd-timesyncd',
  'dbus',
  'curl',
  'openssl',
] as const

/** Runs the scripts that the host sends over a virtio port, one at a time: `ID SCRIPT` in, `ID STATUS
 * OUTPUT` out, with scripts and output in base64. */
const AGENT = `#!/bin/bash
cd /root || exit 1
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
until [ -e /dev/virtio-ports/agent ]; do sleep 0.1; done
exec 3<>/dev/virtio-ports/agent
echo "booted $(cat /proc/sys/kernel/random/boot_id)" >&3
while read -r id script <&3; do
  output=$(bash -c "$(printf '%s' "$script" | base64 -d)" </dev/null 2>&1 3>&- | base64 -w 0; exit "\${PIPESTATUS[0]}")
  echo "$id $? $output" >&3
done
`

/** What the image has besides the packages: a network that asks for an address, as a router gives one,
 * a journal that outlives a boot, and the agent. */
const FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'gateway\n',
  'etc/hosts': '127.0.0.1 localhost gateway\n::1 localhost\n',
  'etc/fstab': '/dev/vda / ext4 errors=remount-ro 0 1\nLABEL=stick /media ext4 ro,nofail 0 0\n',
  'etc/systemd/network/lan.network': '[Match]\nName=eth0\n[Network]\nDHCP=yes\n',
  'etc/systemd/journald.conf.d/persistent.conf': '[Journal]\nStorage=persistent\n',
  'usr/local/sbin/agent': AGENT,
  'etc/systemd/system/agent.service': `[Service]
ExecStart=/usr/local/sbin/agent
Restart=always
[Install]
WantedBy=multi-user.target
`,
}

const ENABLED = ['agent', 'systemd-networkd', 'systemd-networkd-wait-online', 'systemd-timesyncd']
const DISABLED = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'e2scrub_reap', 'man-db.timer']

export type Image = {
  readonly disk: string
  readonly kernel: string
  readonly initrd: string
}

const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'secure-lock-server-gateway',
)

/** A folder of the cache, made once: whatever names its contents is its key. */
export const cached = async (
  key: string,
  make: (folder: string) => Promise<void>,
): Promise<string> => {
  const folder = join(CACHE, createHash('sha256').update(key).digest('hex').slice(0, 16))
  if (existsSync(folder)) return folder
  const part = `${folder}.part-${process.pid}`
  mkdirSync(part, { recursive: true })
  try {
    await make(part)
    renameSync(part, folder)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
  return folder
}

/** Debian with systemd on one disk, installed from the Debian mirror that this machine uses. */
export const debianImage = async (): Promise<Image> => {
  const key = JSON.stringify([SUITE, PACKAGES, FILES, ENABLED, DISABLED])
  const folder = await cached(key, async (part) => {
    process.stderr.write('Installing Debian for the virtual machine, once\n')
    const root = join(part, 'root')
    const packages = `--include=${PACKAGES.join(',')}`
    await command(['debootstrap', packages, SUITE, root, await mirror()])
    for (const [path, content] of Object.entries(FILES)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), content, { mode: path.includes('/sbin/') ? 0o755 : 0o644 })
    }
    await command(['chroot', root, 'systemctl', 'enable', ...ENABLED])
    await command(['chroot', root, 'systemctl', 'mask', ...DISABLED])
    await command(['chroot', root, 'apt-get', 'clean'])
    for (const name of ['vmlinuz', 'initrd.img'])
      cpSync(join(root, name), join(part, name), { dereference: true })
    await ext4(join(part, 'disk.img'), root, DISK_MIB)
    rmSync(root, { recursive: true })
  })
  return {
    disk: join(folder, 'disk.img'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
  }
}

const DISK_MIB = 2048

/** Makes a disk image with the files of a folder. */
export const ext4 = (
  path: string,
  folder: string,
  mebibytes: number,
  label = 'root',
): Promise<string> =>
  command(['mke2fs', '-q', '-t', 'ext4', '-L', label, '-d', folder, path, `${mebibytes}M`])

/** The mirror of Debian in this machine's list of package sources. */
const mirror = async (): Promise<string> => {
  const format = '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)'
  const lines = await command(['apt-get', 'indextargets', '--format', format])
  const found = /^Debian main \w+ (\S+)$/m.exec(lines)?.[1]
  if (!found) throw new Error('The package sources of this machine name no mirror of Debian')
  return found
}
