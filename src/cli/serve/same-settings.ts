import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { homeZoneName } from '../../config/home-zone.ts'
import { SETTINGS } from '../../config/settings.ts'
import { instanceOf } from '../../config/instance.ts'
import { SECOND_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../http/log/logger.ts'
import { metricsTokenPath } from '../../ops/metrics/token.ts'
import { readKeyFile } from '../../storage/files/private-files.ts'
import { dissent } from '../../storage/replicas/presence-store.ts'
import type { Dissenter } from '../../storage/replicas/replicas.ts'

/** The settings that decide what a home does, which its replicas therefore share. */
const SHARED = [
  'publicUrl',
  'corsOrigins',
  'allowedHosts',
  'logRetentionMs',
  'homeZone',
  'homeNetworks',
  'guestPasses',
  'guestKeepMs',
  'mqttUrl',
  'mqttTopic',
  'mqttDiscovery',
  'mqttNames',
  'webhookLoopback',
  'smtpUrl',
  'registration',
  'waitingAccountsMax',
  'waitingAccountsClient',
  'passwordMinLength',
  'passwordBlocklist',
  'secondFactor',
  'accessTokenMs',
  'sessionIdleMs',
  'sessionMaxMs',
  'rateLimitAuth',
  'rateLimitUnlock',
  'rateLimitChanges',
  'rateLimitNewcomers',
  'rateLimitDefault',
  'unlockQuota',
  'unlockQuotaBytes',
  'unlockQuotaWaiting',
  'unlockQuotaClient',
] as const satisfies readonly (keyof typeof SETTINGS)[]

const SHARED_NAMES: ReadonlySet<string> = new Set(SHARED.map((name) => SETTINGS[name].env))

/** Returns true if each replica may have its own value of a setting, given by its name in the environment. */
export const isOwnSetting = (name: string): boolean => !SHARED_NAMES.has(name)

/** Returns a keyed hash of each shared setting, by name: some are secret. */
const hashes = ({ unlocks: { deriveUuid } }: App, config: Config): Record<string, string> =>
  Object.fromEntries(
    SHARED.map((name) => {
      const value = name === 'homeZone' ? homeZoneName(config) : config[name]
      return [SETTINGS[name].env, deriveUuid(`setting\n${name}\n${JSON.stringify(value ?? null)}`)]
    }),
  )

/** Returns a keyed hash of the metrics token, or undefined if there is none that can be used: doors must not wait for
 * monitoring. */
const tokenHash = ({ unlocks: { deriveUuid } }: App, { dataDir }: Config): string | undefined => {
  try {
    const token = readKeyFile(metricsTokenPath(dataDir))?.trim()
    return token ? deriveUuid(`metrics token\n${token}`) : undefined
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** How long a start waits for replicas with different settings to stop, and how often it checks. */
const WAIT_MS_MAX = 30 * SECOND_MS
const LOOK_MS = SECOND_MS / 4

type Starting = {
  readonly config: Config
  readonly version: string
  readonly log: Logger
  /** Resolves when the start is no longer wanted. */
  readonly stopRequested: Promise<unknown>
  /** Called if, after this process was frozen for a while, running replicas have different settings. */
  readonly onDissent: (error: AppError) => void
}

/** Registers this process as a replica of its home, if that is on a server. Waits while replicas with different
 * settings run, so that a setting can be changed by restarting one replica after another. Throws `unavailable` if they
 * do not stop in time. Resolves to false if the start is no longer wanted. */
export const joinReplicas = async (
  app: App,
  { config, version, log, stopRequested, onDissent }: Starting,
): Promise<boolean> => {
  const { replicas } = app.db
  if (!replicas) return true
  const self = {
    name: instanceOf(config) ?? '',
    version,
    settings: hashes(app, config),
    metricsToken: tokenHash(app, config),
  }
  const end = new AbortController()
  void stopRequested.then(() => end.abort())
  const tell = (others: readonly Dissenter[]): void => onDissent(dissent(others))
  let dissenters = await replicas.join(self, tell)
  if (dissenters.length > 0)
    log.warn(
      { reason: dissent(dissenters).message },
      'waiting for replicas with different settings to stop',
    )
  const deadlineMs = performance.now() + WAIT_MS_MAX
  while (dissenters.length > 0) {
    if (end.signal.aborted) return false
    if (performance.now() > deadlineMs) throw dissent(dissenters)
    await Bun.sleep(LOOK_MS)
    dissenters = await replicas.join(self, tell)
  }
  return true
}
