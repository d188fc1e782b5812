import { type Static, Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { DATABASE_FILE, DUMP_FILE, KEY_FILES } from '../files/data-dir.ts'
import { MIGRATIONS } from '../migrations.ts'

const Version = t.String({ pattern: '^[0-9A-Za-z.+-]{1,64}$' })

/** What a backup says about itself. */
const Manifest = t.Object({
  format: t.Literal('secure-lock-backup'),
  format_version: t.Literal(1),
  server_version: Version,
  schema_version: t.Integer({ minimum: 1 }),
  made_at: t.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' }),
  log: t.Object({
    size: t.Integer({ minimum: 0 }),
    key: t.String(),
    checkpoint: t.String(),
  }),
  /** Settings that contained secrets when the backup was created, which are therefore not in it. */
  secrets_elsewhere: t.Array(t.String()),
  files: t.Array(
    t.Object({
      name: t.String(),
      bytes: t.Integer({ minimum: 0 }),
      sha256: t.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
  ),
})

export type Manifest = Static<typeof Manifest>

export const MANIFEST_FILE = 'manifest.json'
export const MANIFEST_BYTES_MAX = 1024 ** 2

/** The files that a backup may contain. No other name is ever written to disk. */
const NAMES: ReadonlySet<string> = new Set([DATABASE_FILE, DUMP_FILE, ...Object.values(KEY_FILES)])

/** Parses the manifest of a backup. Throws an Error that says what is wrong with it, also if its format
 * or schema is newer than this version knows. */
export const parseManifest = (text: string): Manifest => {
  const manifest: unknown = JSON.parse(text)
  const version = Value.Check(Versioned, manifest) ? manifest : undefined
  if (version && version.format_version > 1)
    throw new Error(`its format is newer: use version ${version.server_version} of the server`)
  if (!Value.Check(Manifest, manifest)) throw new Error('its manifest cannot be read')
  const { schema_version: schema, server_version: server } = manifest
  if (schema > MIGRATIONS.length)
    throw new Error(
      `its schema version ${schema} is newer than ${MIGRATIONS.length}: use version ${server} of the server, which created it, or a later one`,
    )
  const names = manifest.files.map(({ name }) => name)
  const foreign = names.find((name) => !NAMES.has(name))
  if (foreign !== undefined)
    throw new Error(`it contains ${JSON.stringify(foreign)}, which no backup has`)
  const data = names.includes(DUMP_FILE) ? DUMP_FILE : DATABASE_FILE
  // Only one of them would be verified.
  if (names.includes(DATABASE_FILE) && data === DUMP_FILE)
    throw new Error(`it contains both ${DATABASE_FILE} and ${DUMP_FILE}`)
  const missing = [data, KEY_FILES.log].find((name) => !names.includes(name))
  if (missing !== undefined) throw new Error(`it has no ${missing}`)
  if (new Set(names).size < names.length) throw new Error('it contains a file twice')
  return manifest
}

/** What a manifest of any format contains, however new. */
const Versioned = t.Object({
  format_version: t.Integer(),
  server_version: Version,
})
