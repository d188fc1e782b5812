import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../database.ts'
import { KEY_FILES } from './data-dir.ts'
import { readKeyFile, secretFile } from './private-files.ts'
import { storedSetting } from '../sqlite/setting-store.ts'

type Options = {
  readonly db: Pick<Database, 'get' | 'transaction'>
  readonly dataDir: string
  /** The secret of access tokens, if it is a setting instead of a file. */
  readonly tokenSecret: string | undefined
  /** Returns a new signing key of a log. */
  readonly newLogKey: () => string
}

/** The name of the setting with the fingerprints of the keys, as JSON. */
const FINGERPRINTS = 'key_fingerprints'

/** Makes sure that every replica of a home has the same keys: its first start creates them in DATA_DIR, and stores
 * their fingerprints. Throws `unavailable` if a key is missing or different. */
export const requireSharedKeys = async (options: Options): Promise<void> => {
  const { db, dataDir } = options
  const stored = await fingerprintsIn(db)
  const isFirst = stored === undefined && (!(await hasLog(db)) || hasFile(dataDir, KEY_FILES.log))
  const own = fingerprints(readKeys(options, isFirst))
  if (stored === undefined && !isFirst) throw notOurs(dataDir, [KEY_FILES.log])
  const home =
    stored ??
    (await db.transaction(async (tx) => {
      await tx.run(
        'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING',
        FINGERPRINTS,
        JSON.stringify(own),
      )
      return (await fingerprintsIn(tx)) ?? {}
    }))
  const isOtherLog = own[KEY_FILES.log] !== home[KEY_FILES.log]
  const wrong = Object.keys(home).filter(
    // With another key of the log, all fingerprints differ.
    (name) =>
      own[name] === undefined ||
      (own[name] !== home[name] && (name === KEY_FILES.log || !isOtherLog)),
  )
  if (wrong.length > 0) throw notOurs(dataDir, wrong)
}

/** Replaces the stored fingerprints by those of the keys here, so that replicas start only with these keys. Creates
 * missing keys, if only temporary data depends on them. Returns the names of the keys that have changed. Throws
 * `unavailable` if a key that cannot be replaced is missing or different: that of the log, or that of second factors
 * while there are any. */
export const acceptKeys = async (options: Options): Promise<readonly string[]> => {
  const { db, dataDir, tokenSecret } = options
  const stored = await fingerprintsIn(db)
  if (stored === undefined) return []
  if (tokenSecret === undefined) secretFile(join(dataDir, KEY_FILES.tokens))
  secretFile(join(dataDir, KEY_FILES.lockout))
  if (!(await hasSecondFactors(db))) secretFile(join(dataDir, KEY_FILES.secondFactors))
  const own = fingerprints(readKeys(options, false))
  if (own[KEY_FILES.log] !== stored[KEY_FILES.log]) throw notOurs(dataDir, [KEY_FILES.log])
  const changed = Object.keys({ ...stored, ...own }).filter((name) => own[name] !== stored[name])
  if (changed.includes(KEY_FILES.secondFactors) && (await hasSecondFactors(db)))
    throw new AppError(
      'unavailable',
      `${KEY_FILES.secondFactors} is missing or is not the key of the home, and people have second factors that only that key can decrypt. Copy it from a running replica, or from a backup, to ${dataDir}`,
    )
  await db.transaction((tx) =>
    tx.run('UPDATE setting SET value = ? WHERE name = ?', JSON.stringify(own), FINGERPRINTS),
  )
  return changed
}

/** Lets the next start store the fingerprints of its keys, after the home came from elsewhere: a gateway with a file
 * may have replaced a key since. */
export const forgetFingerprints = async (tx: Pick<Queries, 'run'>): Promise<void> =>
  void (await tx.run('DELETE FROM setting WHERE name = ?', FINGERPRINTS))

const hasFile = (dataDir: string, name: string): boolean => existsSync(join(dataDir, name))

type Keys = Readonly<Record<string, string | undefined>>

const readKeys = ({ dataDir, tokenSecret, newLogKey }: Options, mayCreate: boolean): Keys => {
  const key = (name: string, make?: () => string): string | undefined => {
    const path = join(dataDir, name)
    return mayCreate ? secretFile(path, make) : readKeyFile(path)?.trim()
  }
  return {
    [KEY_FILES.log]: key(KEY_FILES.log, newLogKey),
    [tokenSecret === undefined ? KEY_FILES.tokens : 'JWT_SECRET_KEY']:
      tokenSecret ?? key(KEY_FILES.tokens),
    [KEY_FILES.lockout]: key(KEY_FILES.lockout),
    [KEY_FILES.secondFactors]: key(KEY_FILES.secondFactors),
  }
}

/** The key of the log, which is always random, makes it impossible to guess a secret that a person chose. */
const fingerprints = (keys: Keys): Keys =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([name, key]) =>
      key === undefined
        ? []
        : [
            [
              name,
              createHmac('sha256', keys[KEY_FILES.log] ?? '')
                .update(`secure-lock-server fingerprint of ${name} v1 ${key}`)
                .digest('hex'),
            ],
          ],
    ),
  )

const fingerprintsIn = async (db: Pick<Queries, 'get'>): Promise<Keys | undefined> => {
  const text = await storedSetting(db, FINGERPRINTS)
  return text === undefined ? undefined : (JSON.parse(text) as Keys)
}

const hasLog = async (db: Pick<Queries, 'get'>): Promise<boolean> =>
  (await db.get('SELECT 1 AS one FROM log_head')) !== undefined

const hasSecondFactors = async (db: Pick<Queries, 'get'>): Promise<boolean> =>
  (await db.get('SELECT 1 AS one FROM second_factor')) !== undefined

const notOurs = (dataDir: string, names: readonly string[]): AppError =>
  new AppError(
    'unavailable',
    `All replicas of a home need the same keys. Missing or different here: ${names.join(', ')}. Copy them from a replica that runs, or from a backup, to ${dataDir}, and start again`,
  )
