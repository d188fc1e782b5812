import { type Dirent, existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Finding } from '../../ops/finding.ts'
import { metricsTokenPath } from '../../ops/metrics/token.ts'
import { KEY_FILES } from '../../storage/files/data-dir.ts'
import { fileFault, mountedFault } from '../../storage/files/private-files.ts'
import { userName } from '../../storage/files/system-user.ts'

type Places = Pick<Config, 'dataDir' | 'databasePath' | 'postgres' | 'jwtSecretKey'>

/** Checks that the data folder exists, belongs to this user, is not accessible to others and has
 * its keys. If `isUsable` is false, nothing else in it can be checked. `again` is the command line
 * to rerun. */
export const folderFindings = (
  places: Places,
  again: string,
  uid = process.getuid?.() ?? 0,
): { readonly findings: readonly Finding[]; readonly isUsable: boolean } => {
  const { dataDir, databasePath, postgres } = places
  if (!existsSync(dataDir))
    return unusable(`there is no folder ${dataDir}`, 'check DATA_DIR, or start the service first')
  const owner = lstatSync(dataDir).uid
  if (owner !== uid)
    return unusable(
      `${dataDir} belongs to user ${userName(owner)}, but this runs as ${userName(uid)}`,
      `run this as that user: runuser -u ${userName(owner)} -- ${again}`,
    )
  if (!postgres && !existsSync(databasePath))
    return unusable(
      `there is no database at ${databasePath}`,
      'check DATA_DIR and DATABASE_URI, restore a backup, or start the service for a new one',
    )
  const faults = [...openFiles(places, uid), ...missingKeys(places)]
  const ok: Finding = {
    check: 'files',
    state: 'ok',
    says: `${dataDir}, accessible to this user only`,
  }
  return { findings: faults.length > 0 ? faults : [ok], isUsable: true }
}

const unusable = (says: string, fix: string) => ({
  findings: [{ check: 'files', state: 'fault', says, fix } as const],
  isUsable: false,
})

/** After this many, one line sums up the rest. */
const FAULTS_MAX = 20

/** Files and folders that others can read, or that belong to another user. */
const openFiles = ({ dataDir, databasePath }: Places, uid: number): Finding[] => {
  const found: Finding[] = []
  for (const path of new Set([dataDir, databasePath, ...pathsIn(dataDir)])) {
    // The root of a mounted disk contains this empty folder, which belongs to root.
    if (path === join(dataDir, 'lost+found')) continue
    if (found.length === FAULTS_MAX)
      return [...found, fault(dataDir, 'has more such files', 'list them all: ls -laR')]
    found.push(...fileFaults(path, uid))
  }
  return found
}

/** All files and folders below a folder; links are not followed. */
function* pathsIn(folder: string): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name)
    yield path
    if (entry.isDirectory()) yield* pathsIn(path)
  }
}

/** Returns an empty list for a folder that this user cannot read, which is reported as a fault
 * itself. */
const entriesOf = (folder: string): readonly Dirent[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

const fileFaults = (path: string, uid: number): Finding[] => {
  const file = lstatSync(path, { throwIfNoEntry: false })
  // The service has removed the file in the meantime.
  if (!file) return []
  const isMounted = file.isSymbolicLink() || (file.uid === 0 && uid !== 0)
  if (isMounted && MAY_BE_MOUNTED.has(basename(path))) return mountedFaults(path, uid)
  if (file.isSymbolicLink()) return [fault(path, 'is a link', 'replace it with the file itself')]
  const word = shellWord(path)
  if (file.uid !== uid)
    return [
      fault(path, `belongs to user ${userName(file.uid)}`, `chown ${uid} ${word}, or remove it`),
    ]
  const mode = file.isDirectory() ? '700' : '600'
  if ((file.mode & 0o077) !== 0)
    return [fault(path, 'can be used by others', `chmod ${mode} ${word}`)]
  if (file.isDirectory() && (file.mode & 0o500) !== 0o500)
    return [fault(path, 'cannot be read', `chmod ${mode} ${word}`)]
  return []
}

const MAY_BE_MOUNTED: ReadonlySet<string> = new Set([
  ...Object.values(KEY_FILES),
  basename(metricsTokenPath('')),
])

const mountedFaults = (path: string, uid: number): Finding[] => {
  try {
    const says = mountedFault(path, uid)
    return says === undefined
      ? [...secretFileFindings('a mounted key', path)]
      : [fault(path, `cannot be used: ${says}`, 'mount it so that only root can write to it')]
  } catch (error) {
    return [fault(path, `cannot be used: ${fileFault(error)}`, 'mount it again, or copy the key')]
  }
}

const fault = (path: string, says: string, fix: string): Finding => ({
  check: 'files',
  state: 'fault',
  says: `${path} ${says}`,
  fix,
})

/** Quotes a path for a shell, since people paste it. */
const shellWord = (path: string): string =>
  /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`

/** Checks a secret file that a setting names. It may belong to another user or group, such as root,
 * so that the service can only read it. */
export const secretFileFindings = (name: string, path: string): readonly Finding[] => {
  const file = statSync(path, { throwIfNoEntry: false })
  if (!file || (file.mode & 0o007) === 0) return []
  return [
    fault(path, `(${name}) can be used by everyone on this machine`, `chmod o= ${shellWord(path)}`),
  ]
}

/** What a missing key means for a home in a file. The service creates a new one, except for the log's. */
const KEYS: readonly (readonly [name: string, finding: Omit<Finding, 'check'>])[] = [
  [
    KEY_FILES.log,
    {
      state: 'fault',
      says: 'the key of the unlock log is missing; without it the service does not start',
      fix: 'restore it from a backup',
    },
  ],
  [
    KEY_FILES.secondFactors,
    {
      state: 'warning',
      says: 'the key of second factors is missing; codes of authenticator apps cannot be checked',
      fix: 'restore it from a backup, or turn the second factors off: user second-factor off NAME',
    },
  ],
  [
    KEY_FILES.lockout,
    {
      state: 'warning',
      says: 'the key of lockouts is missing; the next start creates another, and then no device is known',
      fix: 'restore it from a backup, or let everyone log in again',
    },
  ],
]

/** What all of them mean for a home on a server, whose replicas must have the same keys. */
const SHARED_KEYS = {
  state: 'fault',
  says: 'is missing; without the keys of its home, this replica does not start',
  fix: 'copy it from a replica that runs, or restore it from a backup; only the first start of a new home creates it',
} as const

const missingKeys = ({ dataDir, postgres, jwtSecretKey }: Places): Finding[] => {
  const isMissing = (name: string): boolean => !existsSync(join(dataDir, name))
  if (!postgres)
    return KEYS.filter(([name]) => isMissing(name)).map(([name, { state, says, fix }]) => ({
      check: 'files',
      state,
      says: `${says} (${join(dataDir, name)})`,
      ...(fix === undefined ? {} : { fix }),
    }))
  const names = [
    ...KEYS.map(([name]) => name),
    ...(jwtSecretKey === undefined ? [KEY_FILES.tokens] : []),
  ]
  const { state, says, fix } = SHARED_KEYS
  return names
    .filter(isMissing)
    .map((name) => ({ check: 'files', state, says: `${join(dataDir, name)} ${says}`, fix }))
}
