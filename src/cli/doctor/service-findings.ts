import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { type Config, givenSettings, portableSettings } from '../../config/config.ts'
import { SETTINGS } from '../../config/settings.ts'
import { certificateFacts } from '../../http/connection/certificate.ts'
import type { Finding } from '../../ops/finding.ts'
import { isServed } from '../../storage/data-dir-lock.ts'
import type { Terminal } from '../command/command.ts'
import { askReadiness } from '../command/readiness.ts'
import { type RunningService, servicesElsewhere } from '../command/running-service.ts'

/** Asks the service on this machine whether it is ready, and checks that it uses the same data folder
 * as this command: otherwise accounts and backups go where the service does not look. */
export const serviceFindings = async (config: Config): Promise<readonly Finding[]> => {
  const { dataDir } = config
  const found = await askReadiness(config)
  const isOurs = isServed(dataDir)
  const check = 'service'
  if (found.state === 'no answer')
    return [
      {
        check,
        state: 'warning',
        says: `no answer from ${found.url}${isOurs ? `, but a service uses ${dataDir}` : ''}`,
        fix: isOurs
          ? 'see its log: journalctl -u secure-lock'
          : 'start it, or see its log: journalctl -u secure-lock. If it runs, set DATA_DIR to its folder',
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
      : { check, state: 'ok', says: `runs and is ready at ${new URL(found.url).origin}` }
  if (isOurs === false) return [readiness, otherFolder(config)]
  return [readiness, ...(await staleCertificate(config, new URL(found.url)))]
}

/** Checks whether the service uses the certificate that is in its file now. */
const staleCertificate = async (
  { tlsCertFile }: Config,
  { hostname, port }: URL,
): Promise<readonly Finding[]> => {
  if (tlsCertFile === undefined) return []
  const used = await certificateAt(hostname.replaceAll(/[[\]]/g, ''), Number(port))
  const inFile = orUndefined(() => certificateFacts(readFileSync(tlsCertFile, 'utf8')).sha256)
  // Another check reports a file that cannot be read.
  if (used === undefined || inFile === undefined || used === inFile) return []
  return [
    {
      check: 'certificate',
      state: 'warning',
      says: `the service does not use the certificate in ${tlsCertFile} yet`,
      fix: 'reload it: systemctl reload secure-lock, or send it SIGHUP',
    },
  ]
}

/** The SHA-256 of the certificate that a server presents, or undefined if it presents none in time. */
const certificateAt = async (host: string, port: number): Promise<string | undefined> => {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  // This is loopback, and the certificate need not name its address.
  const socket = connect({ host, port, rejectUnauthorized: false }, () =>
    resolve(socket.getPeerCertificate().fingerprint256),
  )
  socket
    .on('error', () => resolve(undefined))
    .setTimeout(HANDSHAKE_MS_MAX, () => resolve(undefined))
  return promise.finally(() => socket.destroy())
}

const HANDSHAKE_MS_MAX = 3000

const orUndefined = <Read>(read: () => Read): Read | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

const otherFolder = ({ dataDir, port }: Config): Finding => {
  const others = servicesElsewhere(dataDir)
  const used =
    others.find(({ settings }) => settings?.[SETTINGS.port.env] === String(port)) ??
    others.find(({ settings }) => settings === undefined)
  return {
    check: 'data folder',
    state: 'fault',
    says: used
      ? `the service on port ${port} uses ${used.dataDir}, not ${dataDir}`
      : `the service on port ${port} does not use ${dataDir}`,
    fix: 'set DATA_DIR in the settings file of the service to the folder with the right data, and give that file to every command (--env-file). If the systemd unit sets DATA_DIR, print the unit again. See secure-lock-server help install',
  }
}

/** Checks whether the service was started with other settings than this command, such as those of a file
 * that was edited since. */
export const staleSettings = (
  env: Terminal['env'],
  { settings }: RunningService,
): readonly Finding[] => {
  if (!settings) return []
  const defaults = new Map(givenSettings({}).map(({ name, value }) => [name, value]))
  const stale = Object.entries(portableSettings(env))
    .filter(([name, text]) => text !== (settings[name] ?? defaults.get(name)))
    .map(([name]) => name)
  return stale.length === 0
    ? []
    : [
        {
          check: 'service settings',
          state: 'warning',
          says: `the running service has other settings than this command: ${stale.join(', ')}`,
          fix: 'if they are meant for the service, restart it: systemctl restart secure-lock. If not, do not set them for the command',
        },
      ]
}
