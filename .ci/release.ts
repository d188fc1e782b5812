import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../package.json'
import { components } from './components.ts'
import { NOTICES_FILE, noticesText } from './notices.ts'
import { requirePinnedBun, requirePinnedImages, sha256 } from './pins.ts'
import { sbomText } from './sbom.ts'

/** Gathers in dist/release what a release consists of: the executables that `build:all` has made, what
 * is in them, what is new, and the sums of all. With `--tag v1.2.3` it is for good: version, tag and
 * changelog must then say the same, and every image must have a digest. */

const ROOT = resolve(import.meta.dir, '..')
const DIST = join(ROOT, 'dist')
const RELEASE = join(DIST, 'release')

const { values } = parseArgs({ options: { tag: { type: 'string' } } })
if (values.tag !== undefined && values.tag !== `v${manifest.version}`)
  throw new Error(`The tag ${values.tag} is not the version of package.json, ${manifest.version}`)
if (values.tag !== undefined) requirePinnedImages()
await requirePinnedBun()

const parts = await components()
if (noticesText(parts) !== readFileSync(NOTICES_FILE, 'utf8'))
  throw new Error(
    'src/cli/notices.txt is not of these dependencies: bun run notices, and commit it',
  )

rmSync(RELEASE, { recursive: true, force: true })
mkdirSync(RELEASE, { recursive: true })
const executables = [...new Bun.Glob('secure-lock-server-linux-*').scanSync(DIST)]
if (executables.length === 0) throw new Error('There is nothing built: bun run build:all')
for (const name of executables) {
  copyFileSync(join(DIST, name), join(RELEASE, name))
  chmodSync(join(RELEASE, name), 0o755)
}
writeFileSync(join(RELEASE, 'secure-lock-server.cdx.json'), sbomText(parts))
copyFileSync(NOTICES_FILE, join(RELEASE, 'LICENSES.txt'))
writeFileSync(join(DIST, 'release-notes.md'), `${releaseNotes(manifest.version)}\n`)

const sums: string[] = []
for (const name of readdirSync(RELEASE).toSorted())
  sums.push(`${await sha256(join(RELEASE, name))}  ${name}\n`)
writeFileSync(join(RELEASE, 'SHA256SUMS'), sums.join(''))
process.stdout.write(`${RELEASE}\n${sums.join('')}`)

/** The section of the changelog about a version; before the release, about what is not released. */
function releaseNotes(version: string): string {
  const sections = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').split(/^(?=## )/m)
  const title = `## [${values.tag === undefined ? 'Unreleased' : version}]`
  const section = sections.find((one) => one.startsWith(title))
  if (section === undefined) throw new Error(`CHANGELOG.md has no section ${title}`)
  return section.split('\n').slice(1).join('\n').trim()
}
