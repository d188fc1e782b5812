import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/duration.ts'
import {
  boolean,
  byteSize,
  byteSizeOrOff,
  cidr,
  countOrOff,
  databaseUrl,
  duration,
  hostName,
  instanceName,
  integer,
  ipAddress,
  isSecretAddress,
  jwtSecret,
  list,
  mqttUrl,
  oneOf,
  origin,
  passphrase,
  path,
  rateLimit,
  smtpUrl,
  timeZone,
  topicPrefix,
  webAddress,
} from './parsers.ts'

export type Setting = {
  /** Its name in the environment. */
  readonly env: string
  /** What help and manual show for it, with code in backticks. */
  readonly doc: string
  /** The default, parsed if the setting is not set. Without one, the setting is then
   * `undefined`. */
  readonly defaultText?: string
  /** It may also come from the file that `${env}_FILE` names, and is never shown; or not if it is such a text. */
  readonly secret?: true | ((text: string) => boolean)
  /** Throws an Error whose message completes "NAME …" and repeats no secret. */
  readonly parse: (text: string) => unknown
}

type Group = Readonly<Record<string, Setting>>

const SERVER = {
  host: {
    env: 'HOST',
    doc: 'IP address to listen on; `127.0.0.1` keeps it on this machine',
    defaultText: '0.0.0.0',
    parse: ipAddress,
  },
  port: {
    env: 'PORT',
    doc: 'TCP port to listen on',
    defaultText: '8080',
    parse: integer(1, 65_535),
  },
  publicUrl: {
    env: 'PUBLIC_URL',
    doc: 'address that links lead to, such as `https://lock.home:8443`; without it, the first address of this machine',
    parse: webAddress,
  },
  instanceName: {
    env: 'INSTANCE_NAME',
    doc: 'name of this replica in metrics, audit events and `doctor`; with PostgreSQL, the host name by default',
    parse: instanceName,
  },
  trustedProxies: {
    env: 'TRUSTED_PROXIES',
    doc: 'CIDRs, separated by commas, whose `X-Forwarded-For` is trusted',
    defaultText: '',
    parse: list(cidr),
  },
  allowedHosts: {
    env: 'ALLOWED_HOSTS',
    doc: 'further names, separated by commas, by which browsers may call this server, such as `lock.fritz.box`; `*` stands for one label',
    defaultText: '',
    parse: list(hostName),
  },
  connectionsPerClient: {
    env: 'CONNECTIONS_PER_CLIENT',
    doc: 'open connections of one client address (for IPv6, one /64), trusted proxies excepted; over it, those idle longest are closed',
    defaultText: '256',
    parse: integer(16, 100_000),
  },
  corsOrigins: {
    env: 'CORS_ORIGINS',
    doc: 'exact origins, separated by commas, whose pages may call this server',
    defaultText: '',
    parse: list(origin),
  },
  bodyBytesMax: {
    env: 'BODY_LIMIT',
    doc: 'largest request body, in bytes, KiB or MiB; larger ones get 413',
    defaultText: '64 KiB',
    parse: byteSize,
  },
  debug: {
    env: 'DEBUG',
    doc: '`true` opens `/getLogs` and `/getUsers` without a password to programs on this machine, only if `HOST` is a loopback address and no proxy is set up',
    defaultText: 'false',
    parse: boolean,
  },
} as const satisfies Group

const TLS = {
  tlsCertFile: {
    env: 'TLS_CERT_FILE',
    doc: 'certificate chain, PEM; together with `TLS_KEY_FILE` it turns on HTTPS',
    parse: path,
  },
  tlsKeyFile: {
    env: 'TLS_KEY_FILE',
    doc: 'private key of the certificate, PEM',
    parse: path,
  },
} as const satisfies Group

const DATA = {
  dataDir: {
    env: 'DATA_DIR',
    doc: 'folder of the database and the keys; created with mode 0700. Under the systemd unit, the default is `/var/lib/secure-lock`',
    defaultText: './data',
    parse: path,
  },
  databasePath: {
    env: 'DATABASE_URI',
    doc: '`sqlite:///relative/path`, `sqlite:////absolute/path` or `postgres://user:password@host/database?schema=home`; without it, `secure-lock.db` in `DATA_DIR`',
    secret: isSecretAddress,
    parse: databaseUrl,
  },
  diskReserveBytes: {
    env: 'DISK_RESERVE',
    doc: 'free space below which newcomers and batches are refused, so that members can unlock and owners can clean up; at most three quarters of the disk',
    defaultText: '64 MiB',
    parse: byteSizeOrOff(0),
  },
  logRetentionMs: {
    env: 'LOG_RETENTION_DAYS',
    doc: 'days after which names, methods and addresses are erased from the unlock log and the audit events; without it, they are kept',
    parse: duration(DAY_MS, 36_500),
  },
} as const satisfies Group

const DOORS = {
  homeZone: {
    env: 'HOME_ZONE',
    doc: 'time zone of opening hours and holidays: `UTC` or a name such as `Europe/Berlin`; defaults to the time zone of this machine',
    parse: timeZone,
  },
  homeNetworks: {
    env: 'HOME_NETWORKS',
    doc: 'comma-separated CIDRs that count as the home network; defaults to the private subnets of this machine, or to none in a container',
    parse: list(cidr),
  },
  guestPasses: {
    env: 'GUEST_PASSES',
    doc: 'who may invite guests: `admins` and owners, or also `members`, to the doors that they may open themselves',
    defaultText: 'admins',
    parse: oneOf('admins', 'members'),
  },
  guestKeepMs: {
    env: 'GUEST_KEEP_DAYS',
    doc: 'days after a pass ends until the guest is erased',
    defaultText: '30',
    parse: duration(DAY_MS, 36_500),
  },
} as const satisfies Group

const MQTT = {
  mqttUrl: {
    env: 'MQTT_URL',
    doc: 'MQTT broker of the home, such as `mqtt://user:password@192.168.1.5:1883`, or `mqtts://` for TLS; without it, MQTT is off',
    secret: true,
    parse: mqttUrl,
  },
  mqttCaFile: {
    env: 'MQTT_CA_FILE',
    doc: 'PEM certificate of a private authority; the broker’s certificate must be issued by it',
    parse: path,
  },
  mqttTopic: {
    env: 'MQTT_TOPIC',
    doc: 'prefix of the gateway’s topics',
    defaultText: 'secure-lock',
    parse: topicPrefix,
  },
  mqttDiscovery: {
    env: 'MQTT_DISCOVERY',
    doc: 'discovery prefix of Home Assistant; `off` announces no locks',
    defaultText: 'homeassistant',
    parse: topicPrefix,
  },
  mqttNames: {
    env: 'MQTT_NAMES',
    doc: '`off` publishes no names of people to the broker',
    defaultText: 'on',
    parse: oneOf('on', 'off'),
  },
} as const satisfies Group

const TARGETS = {
  webhookLoopback: {
    env: 'WEBHOOK_LOOPBACK',
    doc: '`on` lets webhooks and notifications connect to other programs on this machine',
    defaultText: 'off',
    parse: oneOf('on', 'off'),
  },
  smtpUrl: {
    env: 'SMTP_URL',
    doc: 'mail server for e-mail notifications, such as `smtps://user:password@mail.example.org?from=lock@example.org`; `smtp://` uses STARTTLS, which is required with a password. Without this setting, e-mail is off',
    secret: true,
    parse: smtpUrl,
  },
  smtpCaFile: {
    env: 'SMTP_CA_FILE',
    doc: 'PEM certificate of a private authority; the mail server’s certificate must be issued by it',
    parse: path,
  },
} as const satisfies Group

const ACCOUNTS = {
  registration: {
    env: 'REGISTRATION',
    doc: 'who may register: `open` (anyone who reaches the port, and then waits to be let in), `invite` (with an invitation) or `closed` (only `user add`)',
    defaultText: 'open',
    parse: oneOf('open', 'invite', 'closed'),
  },
  waitingAccountsMax: {
    env: 'WAITING_ACCOUNTS_MAX',
    doc: 'accounts that may wait to be let in; beyond that, the oldest of the client with the most is erased',
    defaultText: '1000',
    parse: integer(1, 1_000_000),
  },
  waitingAccountsClient: {
    env: 'WAITING_ACCOUNTS_CLIENT',
    doc: 'accounts of one client that may wait; with `RATE_LIMIT_AUTH=off`, as many as there is room for',
    defaultText: '50',
    parse: integer(1, 1_000_000),
  },
  passwordMinLength: {
    env: 'PASSWORD_MIN_LENGTH',
    doc: 'minimum length of a new password, 8 to 128',
    defaultText: '8',
    parse: integer(8, 128),
  },
  passwordBlocklist: {
    env: 'PASSWORD_BLOCKLIST',
    doc: '`on` rejects the most common passwords',
    defaultText: 'on',
    parse: oneOf('on', 'off'),
  },
  secondFactor: {
    env: 'SECOND_FACTOR',
    doc: 'with `required`, owners and admins may do no more than members until they set one up',
    defaultText: 'optional',
    parse: oneOf('optional', 'required'),
  },
} as const satisfies Group

const SESSIONS = {
  jwtSecretKey: {
    env: 'JWT_SECRET_KEY',
    doc: 'signs the tokens of sessions, at least 32 bytes; without it, one is created at the first start and kept in `DATA_DIR`',
    secret: true,
    parse: jwtSecret,
  },
  accessTokenMs: {
    env: 'JWT_ACCESS_TOKEN_EXPIRES',
    doc: 'minutes a session’s token is valid before it is refreshed',
    defaultText: '30',
    parse: duration(MINUTE_MS, 43_200),
  },
  sessionIdleMs: {
    env: 'SESSION_IDLE_DAYS',
    doc: 'days without a refresh after which a session ends',
    defaultText: '30',
    parse: duration(DAY_MS, 365),
  },
  sessionMaxMs: {
    env: 'SESSION_MAX_DAYS',
    doc: 'days after login at which a session ends, however often it was refreshed',
    defaultText: '180',
    parse: duration(DAY_MS, 3650),
  },
} as const satisfies Group

const LIMITS = {
  rateLimitAuth: {
    env: 'RATE_LIMIT_AUTH',
    doc: '`/register`, `/login` and everything else that takes a password or code, per client or device, and apart from these the tables with a password; `off` turns a limit off',
    defaultText: '20/minute;100/hour',
    parse: rateLimit,
  },
  rateLimitUnlock: {
    env: 'RATE_LIMIT_UNLOCK',
    doc: '`/logUnlocking` and `/v1/unlocks`, per account; counts unlocks, those of a batch apart, and a tenth of those that a batch repeats. `off` also turns the quotas off',
    defaultText: '60/minute;1000/hour',
    parse: rateLimit,
  },
  unlockQuota: {
    env: 'UNLOCK_QUOTA',
    doc: 'unlocks an account may record in 24 hours: a busy door’s week, for a phone that was offline',
    defaultText: '5000',
    parse: countOrOff,
  },
  unlockQuotaBytes: {
    env: 'UNLOCK_QUOTA_BYTES',
    doc: 'what they may take in the database: room for 5,000 of the usual length, and for half as many of the longest',
    defaultText: '4 MiB',
    parse: byteSizeOrOff(Infinity),
  },
  unlockQuotaWaiting: {
    env: 'UNLOCK_QUOTA_WAITING',
    doc: 'unlocks an account may record in 24 hours while it waits to be let in',
    defaultText: '100',
    parse: countOrOff,
  },
  unlockQuotaClient: {
    env: 'UNLOCK_QUOTA_CLIENT',
    doc: 'the same for all waiting accounts of one client together: a family that has just moved in',
    defaultText: '300',
    parse: countOrOff,
  },
  rateLimitChanges: {
    env: 'RATE_LIMIT_CHANGES',
    doc: 'everything else that leaves an audit event: changes, exports, ended sessions; per account',
    defaultText: '60/minute;600/hour;2000/day',
    parse: rateLimit,
  },
  rateLimitNewcomers: {
    env: 'RATE_LIMIT_NEWCOMERS',
    doc: 'the same for people nobody has let in yet, per client: each leaves an audit event for good. Off if `RATE_LIMIT_CHANGES` is',
    defaultText: '300/day',
    parse: rateLimit,
  },
  rateLimitDefault: {
    env: 'RATE_LIMIT_DEFAULT',
    doc: 'everything else, per account that somebody has let in, or else per client; health checks and pages apart',
    defaultText: '600/minute',
    parse: rateLimit,
  },
} as const satisfies Group

const BACKUPS = {
  backupDir: {
    env: 'BACKUP_DIR',
    doc: 'folder in which the server creates backups automatically',
    parse: path,
  },
  backupEveryMs: {
    env: 'BACKUP_EVERY_HOURS',
    doc: 'hours from one backup to the next',
    defaultText: '24',
    parse: duration(HOUR_MS, 8760),
  },
  backupKeep: {
    env: 'BACKUP_KEEP',
    doc: 'how many backups the server keeps there; the oldest are deleted first',
    defaultText: '14',
    parse: integer(1, 10_000),
  },
  backupPassphrase: {
    env: 'BACKUP_PASSPHRASE',
    doc: 'encrypts backups, at least 12 characters; without it, a backup is as secret as `DATA_DIR`',
    secret: true,
    parse: passphrase,
  },
} as const satisfies Group

const LOG = {
  logLevel: {
    env: 'LOG_LEVEL',
    doc: '`debug`, `info`, `warn` or `error`; SIGUSR2 switches to `debug` and back',
    defaultText: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error'),
  },
  logFormat: {
    env: 'LOG_FORMAT',
    doc: '`json`, one object per line, or `text` for people; without it, `text` at a terminal and `json` elsewhere',
    parse: oneOf('json', 'text'),
  },
} as const satisfies Group

/** Every setting by the name it has in `Config`, in the order that help and manual show them. */
export const SETTINGS = {
  ...SERVER,
  ...TLS,
  ...DATA,
  ...DOORS,
  ...MQTT,
  ...TARGETS,
  ...ACCOUNTS,
  ...SESSIONS,
  ...LIMITS,
  ...BACKUPS,
  ...LOG,
} as const

/** The same settings under the headings of `help settings`. */
export const SETTING_GROUPS: readonly (readonly [title: string, settings: Group])[] = [
  ['Server', SERVER],
  ['HTTPS', TLS],
  ['Data', DATA],
  ['Doors', DOORS],
  ['Home Assistant and MQTT', MQTT],
  ['Targets', TARGETS],
  ['Accounts', ACCOUNTS],
  ['Sessions', SESSIONS],
  ['Rate limits', LIMITS],
  ['Backups', BACKUPS],
  ['Logging', LOG],
]
