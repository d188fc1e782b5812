import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { homeZoneName } from '../../config/home-zone.ts'
import { SETTINGS } from '../../config/settings.ts'
import { AppError } from '../../errors.ts'
import { settingsIn } from '../../storage/sqlite/setting-store.ts'
import { databaseOfLeader } from '../../storage/unit-of-work.ts'

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

const STORED = 'replica_settings'

/** Returns a hash of each shared setting by its name, with the key of the log: some are secret. */
const hashes = ({ unlocks: { deriveUuid } }: App, config: Config): Record<string, string> =>
  Object.fromEntries(
    SHARED.map((name) => {
      const value = name === 'homeZone' ? homeZoneName(config) : config[name]
      return [SETTINGS[name].env, deriveUuid(`setting\n${name}\n${JSON.stringify(value ?? null)}`)]
    }),
  )

/** Throws `unavailable` if the replica that leads has other settings. */
export const requireSameSettings = async (app: App, config: Config): Promise<void> => {
  if (app.db.isFile || !(await app.db.leading.isLed())) return
  const stored = await settingsIn(app.db).find(STORED)
  if (stored === undefined) return
  const theirs = JSON.parse(stored) as Readonly<Record<string, string>>
  const other = Object.entries(hashes(app, config))
    .filter(([name, hash]) => (theirs[name] ?? hash) !== hash)
    .map(([name]) => name)
  if (other.length > 0)
    throw new AppError(
      'unavailable',
      `Other replicas of this home have different values of ${other.join(', ')}: use the same ones, or stop the others first`,
    )
}

/** Stores the settings of the replica that leads, for those that start later. */
export const storeSharedSettings = async (app: App, config: Config): Promise<void> => {
  if (app.db.isFile) return
  const text = JSON.stringify(hashes(app, config))
  await databaseOfLeader(app.db).transaction((tx) => settingsIn(tx).put(STORED, text))
}
