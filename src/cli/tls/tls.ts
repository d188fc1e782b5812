import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.ts'
import { EARLIEST_WALL_MS } from '../../domain/clock.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { certificateFacts } from '../../http/connection/certificate.ts'
import { linkBase, machineAddresses } from '../../http/connection/public-url.ts'
import { qrTerminal } from '../../http/page/qr.ts'
import { TLS_FILES } from '../../storage/files/data-dir.ts'
import { atomicDirectory } from '../../storage/files/atomic-directory.ts'
import {
  fileFault,
  makePrivateFolder,
  replacePrivateFile,
} from '../../storage/files/private-files.ts'
import {
  type Actions,
  type Command,
  type Options,
  type Terminal,
  UsageError,
  runAction,
} from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { confirmNewFolder } from '../command/with-app.ts'
import type { PrivateCa } from './private-ca.ts'

/** Two years. Apple accepts at most 825 days, also from a private CA; the 398 days of browsers
 * apply only to public CAs. */
const DAYS_DEFAULT = 730
const DAYS_MAX = 824

const INIT = {
  name: {
    type: 'string',
    multiple: true,
    value: 'HOST',
    summary: 'another name of this machine',
  },
  address: {
    type: 'string',
    multiple: true,
    value: 'IP',
    summary: 'another address of this machine',
  },
  out: {
    type: 'string',
    value: 'DIR',
    summary: 'the folder for the files, instead of DATA_DIR/tls',
  },
  days: {
    type: 'string',
    default: String(DAYS_DEFAULT),
    value: 'DAYS',
    summary: `how long the certificate is valid, up to ${DAYS_MAX}`,
  },
} as const satisfies Options

const ACTIONS: Actions = {
  init: {
    summary: 'create a private CA and a certificate, or renew the certificate with the same CA',
    options: INIT,
    run: async (args, terminal) => {
      const { values } = parseArgs({ args: [...args], options: INIT })
      const config = commandConfig(terminal)
      if (values.out === undefined) await confirmNewFolder(config, terminal)
      return init(config, terminal, {
        names: (values.name ?? []).map(hostName),
        addresses: (values.address ?? []).map(ipAddress),
        folder: resolve(values.out ?? join(config.dataDir, dirname(TLS_FILES.cert))),
        isInDataDir: values.out === undefined,
        days: dayCount(values.days),
      })
    },
  },
}

/** Creates the files for HTTPS on a private network. */
export const tls: Command = {
  summary: 'create a private CA and a certificate for HTTPS',
  details:
    'The certificate is for the names and addresses of this machine, those you give, and those of the previous certificate. The fingerprint of the CA is for the app to pin. This command needs the DATA_DIR of the service.',
  actions: ACTIONS,
  examples: { 'the gateway is called lock.home': 'secure-lock-server tls init --name lock.home' },
  run: runAction('tls', ACTIONS),
}

const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}([.]${LABEL})*$`)

const hostName = (text: string): string => {
  const name = text.toLowerCase().replace(/[.]$/, '')
  if (ipaddr.isValid(name)) throw new UsageError(`--name ${text} is an address: use --address`)
  if (!HOST_NAME.test(name)) throw new UsageError('--name must be a host name such as lock.home')
  return name
}

const ipAddress = (text: string): string => {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text))
    throw new UsageError('--address must be an IP address such as 192.168.1.20')
  return ipaddr.parse(text).toString()
}

const dayCount = (text: string): number => {
  const days = Number(text)
  if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX)
    throw new UsageError(`--days must be a whole number from 1 to ${DAYS_MAX}`)
  return days
}

type Request = {
  readonly names: readonly string[]
  readonly addresses: readonly string[]
  readonly folder: string
  readonly isInDataDir: boolean
  readonly days: number
}

const FILES = {
  caCert: basename(TLS_FILES.caCert),
  caKey: basename(TLS_FILES.caKey),
  cert: basename(TLS_FILES.cert),
  key: basename(TLS_FILES.key),
} as const

const init = async (config: Config, terminal: Terminal, request: Request): Promise<number> => {
  const nowMs = Date.now()
  // No phone would accept a certificate from that time.
  if (nowMs < EARLIEST_WALL_MS)
    throw new AppError(
      'unavailable',
      `The clock says ${new Date(nowMs).toISOString().slice(0, 10)}, which is wrong: set it, or wait until it follows a time server. No certificate was created`,
    )
  if (request.isInDataDir) makePrivateFolder(config.dataDir)
  const has = (name: string) => existsSync(join(request.folder, name))
  if (has(FILES.caCert) !== has(FILES.caKey))
    throw new AppError(
      'unavailable',
      `${request.folder} has only one of ${FILES.caCert} and ${FILES.caKey}: put the other back from a backup, or choose another folder with --out for a new CA`,
    )
  const isRenewal = has(FILES.caCert)
  await (isRenewal ? renew(config, request, nowMs) : begin(config, request, nowMs))
  show(config, terminal, request.folder, isRenewal)
  return 0
}

/** Loaded only for this command, after the polyfill that tsyringe in @peculiar/x509 requires
 * (https://github.com/PeculiarVentures/x509/issues/116). */
const x509 = async () => {
  await import('reflect-metadata')
  return import('./private-ca.ts')
}

const CA_DAYS = 3652

/** A certificate is valid from this long ago, for phones whose clock is behind. */
const BACK_MS = DAY_MS

/** Names that no public site has (RFC 6762, RFC 8375, ICANN's `internal`, and what home routers use).
 * The CA may sign for them, whatever the machine will be called. */
const PRIVATE_NAMES = ['localhost', 'local', 'home.arpa', 'internal', 'lan', 'home', 'fritz.box']

const begin = async (config: Config, request: Request, nowMs: number): Promise<void> => {
  const { COMMON_NAME_MAX, issueCertificate, createPrivateCa, makeServerKey, readPrivateCa } =
    await x509()
  const names = unique([...request.names, ...ownNames(config)])
  const draft = atomicDirectory(request.folder)
  try {
    const { certPem, keyPem } = await createPrivateCa({
      commonName: `Secure Lock CA of ${names[0]}`.slice(0, COMMON_NAME_MAX),
      permitted: unique([...names, ...PRIVATE_NAMES]),
      fromMs: nowMs - BACK_MS,
      untilMs: nowMs + CA_DAYS * DAY_MS,
    })
    const serverKeyPem = await makeServerKey()
    const chain = await issueCertificate(await readPrivateCa(certPem, keyPem), {
      names,
      addresses: unique([...request.addresses, ...machineAddresses()]),
      serverKeyPem,
      fromMs: nowMs - BACK_MS,
      untilMs: nowMs + request.days * DAY_MS,
    })
    await draft.write(FILES.caCert, [certPem])
    await draft.write(FILES.caKey, [keyPem])
    await draft.write(FILES.key, [serverKeyPem])
    await draft.write(FILES.cert, [chain])
    draft.commit()
  } finally {
    draft.discard()
  }
}

/** Signs a new certificate. The server's key stays, so that only one file changes, and an
 * interruption cannot leave a mismatched pair. */
const renew = async (config: Config, request: Request, nowMs: number): Promise<void> => {
  const { isPermitted, issueCertificate, makeServerKey } = await x509()
  makePrivateFolder(request.folder)
  const authority = await authorityIn(request.folder)
  if (authority.notAfterMs < nowMs)
    throw new AppError(
      'unavailable',
      `The CA in ${request.folder} has expired. Choose another folder with --out for a new one, which every phone then has to trust`,
    )
  const refused = request.names.find((name) => !isPermitted(authority, name))
  if (refused !== undefined)
    throw new AppError(
      'unavailable',
      `The CA in ${request.folder} may not sign for ${refused}, only for ${authority.permitted.join(', ')} and names below them. Choose another folder with --out for a new CA, which every phone then has to trust`,
    )
  const previous = previousNames(request.folder)
  const isAddress = (name: string) => ipaddr.isValid(name)
  const keyPath = join(request.folder, FILES.key)
  if (!existsSync(keyPath)) replacePrivateFile(keyPath, await makeServerKey())
  const chain = await issueCertificate(authority, {
    names: unique([
      ...request.names,
      ...ownNames(config),
      ...previous.filter((name) => !isAddress(name)),
    ]).filter((name) => isPermitted(authority, name)),
    addresses: unique([...request.addresses, ...machineAddresses(), ...previous.filter(isAddress)]),
    serverKeyPem: readText(keyPath),
    fromMs: nowMs - BACK_MS,
    untilMs: Math.min(nowMs + request.days * DAY_MS, authority.notAfterMs),
  })
  replacePrivateFile(join(request.folder, FILES.cert), chain)
}

const authorityIn = async (folder: string): Promise<PrivateCa> => {
  const { readPrivateCa } = await x509()
  try {
    return await readPrivateCa(
      readText(join(folder, FILES.caCert)),
      readText(join(folder, FILES.caKey)),
    )
  } catch (error) {
    if (error instanceof AppError) throw error
    const words = error instanceof Error ? error.message : String(error)
    throw new AppError('unavailable', `Cannot use the CA in ${folder}: ${words}`, { cause: error })
  }
}

/** The names of the previous certificate; none if it is missing or damaged. */
const previousNames = (folder: string): readonly string[] => {
  try {
    return certificateFacts(readFileSync(join(folder, FILES.cert), 'utf8')).names
  } catch {
    return []
  }
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new AppError('unavailable', `Cannot read ${path}: ${fileFault(error)}`, { cause: error })
  }
}

/** The names of this machine: its own, and the one in PUBLIC_URL. */
const ownNames = ({ publicUrl }: Config): readonly string[] => {
  const own = hostname().toLowerCase()
  const [label = ''] = own.split('.')
  const linked = publicUrl === undefined ? '' : new URL(publicUrl).hostname
  return [linked, own, `${label}.local`, 'localhost'].filter(
    (name) => HOST_NAME.test(name) && !ipaddr.isValid(name),
  )
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]

const show = (
  config: Config,
  { print, say, sayStyled, isShown }: Terminal,
  folder: string,
  isRenewal: boolean,
): void => {
  const { names, notAfterMs, authority } = certificateFacts(readText(join(folder, FILES.cert)))
  const fingerprint = authority?.sha256 ?? ''
  print(
    isRenewal
      ? `Renewed the certificate in ${folder}. The CA is the same: phones that trust it keep working`
      : `Created a private CA and a certificate in ${folder}`,
  )
  print(`For          ${names.join(' ')}`)
  print(`Valid until  ${new Date(notAfterMs).toISOString().slice(0, 10)}`)
  print(`CA           ${join(folder, FILES.caCert)}, for phones and browsers to trust`)
  print(`Fingerprint  ${fingerprint}`)
  print(
    '             SHA-256 of the CA, for the app to pin; it stays when the certificate is renewed',
  )
  print(`Link         ${pinLink(config, fingerprint)}`)
  if (isShown) sayStyled(qrTerminal(pinLink(config, fingerprint)))
  print(`Set          TLS_CERT_FILE=${join(folder, FILES.cert)}`)
  print(`             TLS_KEY_FILE=${join(folder, FILES.key)}`)
  print(
    isRenewal
      ? 'Then         send the running service SIGHUP, as `systemctl reload` does'
      : `Then         restart the service. Keep ${FILES.caKey} to yourself: it signs certificates that phones trust`,
  )
  if (process.getuid?.() === 0)
    say('warning: the files belong to root; a service of another user cannot read them')
}

/** The gateway's address and the fingerprint to pin, for the app to scan. Browsers do not send the
 * part after `#`. */
const pinLink = (config: Config, fingerprint: string): string => {
  const isSecure = config.publicUrl?.startsWith('https:')
  const base = linkBase({
    ...config,
    publicUrl: isSecure ? config.publicUrl : undefined,
    tlsCertFile: FILES.cert,
  })
  return `${base}/#ca-sha256=${fingerprint.replaceAll(':', '').toLowerCase()}`
}
