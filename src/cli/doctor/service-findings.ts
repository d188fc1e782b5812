import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Finding } from '../../ops/finding.ts'
import { SERVICE_LOCK_FILE, isServed } from '../../storage/data-dir-lock.ts'
import { askReadiness } from '../command/readiness.ts'

/** Asks the service on this machine whether it is ready, and checks that it uses the same data folder
 * as this command: otherwise accounts and backups go where the service does not look. */
export const serviceFindings = async (config: Config): Promise<readonly Finding[]> => {
  const { dataDir, port } = config
  const found = await askReadiness(config)
  const isOurs = isServed(dataDir)
  const check = 'service'
  if (found.state === 'no answer')
    return [
      {
        check,
        state: 'warning',
        says: `no answer from ${found.url}${isOurs ? `, but a service uses ${dataDir}` : ''}`,
        fix: 'start it, or see its log: journalctl -u secure-lock. Give this command the same settings as the service (--env-file)',
      },
    ]
  const readiness: Finding =
    found.state === 'not ready'
      ? {
          check,
          state: 'fault',
          says: `runs but is not ready: ${found.reason}`,
          fix: 'see below, and the log of the service',
        }
      : { check, state: 'ok', says: 'runs and is ready' }
  return isOurs === false ? [readiness, otherFolder(config, folderOfService(port))] : [readiness]
}

const otherFolder = ({ dataDir, port }: Config, used: string | undefined): Finding => ({
  check: 'data folder',
  state: 'fault',
  says:
    used === undefined
      ? `the service on port ${port} does not use ${dataDir}`
      : `the service on port ${port} uses ${used}, not ${dataDir}`,
  fix: 'set DATA_DIR to the folder with the right data, in the settings file of the service, and name that file to every command (--env-file). Does the systemd unit set DATA_DIR? Print it again. See secure-lock-server help install',
})

/** The data folder of the process that listens on a port, or undefined if this user cannot see it. */
const folderOfService = (port: number): string | undefined => {
  const sockets = listeningSockets(port)
  for (const pid of entriesOf('/proc').filter((name) => /^\d+$/.test(name))) {
    const files = entriesOf(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`))
    const lock = files.find((file) => basename(file) === SERVICE_LOCK_FILE)
    if (lock !== undefined && sockets.some((socket) => files.includes(socket))) return dirname(lock)
  }
  return undefined
}

/** TCP_LISTEN, in hexadecimal digits as the kernel prints it; see proc_net_tcp(5). */
const LISTENING = '0A'

/** What a file descriptor of a socket that listens on a port links to. */
const listeningSockets = (port: number): readonly string[] =>
  ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    textOf(table)
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(
        ([, local = '', , state]) =>
          state === LISTENING && Number.parseInt(local.split(':')[1] ?? '', 16) === port,
      )
      .map((columns) => `socket:[${columns[9]}]`),
  )

/** Processes and their files may be gone by now, or belong to another user. */
const orElse = <Read>(read: () => Read, otherwise: Read): Read => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const entriesOf = (folder: string): readonly string[] => orElse(() => readdirSync(folder), [])
const targetOf = (link: string): string => orElse(() => readlinkSync(link), '')
const textOf = (file: string): string => orElse(() => readFileSync(file, 'utf8'), '')
