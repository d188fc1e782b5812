import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BINARY, temporaryFolder } from './binary.ts'
import { answersOf, quoted, scriptOf } from './manual.ts'

/** A gateway that a test may change as root: this machine under an overlay, in separate namespaces
 * with only a loopback interface. Needs root. */
export const canBeGateway = (): boolean =>
  process.env['REQUIRE_GATEWAY'] === '1' ||
  (process.getuid?.() === 0 &&
    ['unshare', 'ip', 'setpriv', 'runuser', 'useradd', 'openssl', 'curl'].every((name) =>
      Bun.which(name),
    ))

/** Does what the unit tells systemd to do: its user, its folder, its command, and signals. */
const SYSTEMCTL = String.raw`#!/bin/sh
set -e
unit=/etc/systemd/system/secure-lock.service
pid_file=/run/secure-lock-main
journal=/run/secure-lock-journal

start() {
  user=$(sed -n 's/^User=//p' $unit)
  command=$(sed -n 's/^ExecStart=//p' $unit)
  install -d -o "$user" -g "$user" -m 700 /var/lib/secure-lock
  cd /var/lib/secure-lock
  (
    umask 077
    export STATE_DIRECTORY=/var/lib/secure-lock
    eval "exec setpriv --reuid=$user --regid=$user --init-groups $command"
  ) </dev/null >>$journal 2>&1 &
  echo $! >$pid_file
  tries=0
  until curl --silent --insecure --fail --output /dev/null http://localhost:8080/livez ||
    curl --silent --insecure --fail --output /dev/null https://localhost:8080/livez; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] && kill -0 "$(cat $pid_file)"
    sleep 0.1
  done
}

stop() {
  kill -TERM "$(cat $pid_file)"
  while kill -0 "$(cat $pid_file)" 2>/dev/null; do sleep 0.05; done
}

case "$*" in
  daemon-reload) test -s $unit ;;
  'enable --now secure-lock' | 'start secure-lock') start ;;
  'stop secure-lock') stop ;;
  'restart secure-lock') stop; start ;;
  'reload secure-lock') kill -HUP "$(cat $pid_file)" ;;
  'kill -s USR2 secure-lock') kill -USR2 "$(cat $pid_file)" ;;
  'status secure-lock') kill -0 "$(cat $pid_file)" && cat $journal ;;
  *) echo "systemctl: $* is not known here" >&2; exit 64 ;;
esac
`

/** By absolute path. */
export type Files = Readonly<
  Record<string, { readonly content: string | Uint8Array; readonly mode?: number }>
>

export type Visit = {
  /** What each command wrote to standard output and standard error, as a terminal shows it. */
  readonly answers: readonly string[]
  /** Everything that was written. */
  readonly words: string
  readonly status: number
}

/** Runs the commands one after another as root, in a folder with the executable, as `secure-lock-server`
 * and as `dist/secure-lock-server`. `files` are there before, by absolute path. */
export const visitGateway = async (
  commands: readonly string[],
  { files = {}, input = '' }: { readonly files?: Files; readonly input?: string } = {},
): Promise<Visit> => {
  const folder = temporaryFolder()
  try {
    const extra = join(folder, 'files')
    const placed: Files = {
      '/usr/local/sbin/systemctl': { content: SYSTEMCTL, mode: 0o755 },
      '/project/.run': { content: scriptOf(commands, input) },
      ...files,
    }
    for (const [path, { content, mode = 0o644 }] of Object.entries(placed)) {
      mkdirSync(join(extra, path, '..'), { recursive: true, mode: 0o755 })
      writeFileSync(join(extra, path), content, { mode })
    }
    const script = `
      set -e
      ip link set lo up
      mount -t tmpfs tmpfs ${folder}
      mkdir ${folder}/upper ${folder}/work ${folder}/root
      root=${folder}/root
      mount -t overlay overlay -o lowerdir=/,upperdir=${folder}/upper,workdir=${folder}/work $root
      mount --rbind /dev $root/dev
      mount -t proc proc $root/proc
      mount -t tmpfs tmpfs $root/run
      mount -t tmpfs tmpfs $root/tmp
      chmod 1777 $root/tmp
      mkdir -p $root/project/dist
      cp ${quoted(BINARY)} $root/project/secure-lock-server
      ln $root/project/secure-lock-server $root/project/dist/secure-lock-server
      tar -C $root -xf - 
      exec chroot $root sh -c 'cd /project && exec sh .run 2>&1'`
    const archive = Bun.spawnSync(['tar', '-C', extra, '-cf', '-', '--owner=root', '.'])
    const run = Bun.spawn(
      ['unshare', '--mount', '--net', '--pid', '--kill-child', '--fork', 'sh', '-c', script],
      {
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
        stdin: archive.stdout,
        stdout: 'pipe',
        stderr: 'pipe',
      },
    )
    const [written, words] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
    ])
    return { answers: answersOf(written), words: written + words, status: await run.exited }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
