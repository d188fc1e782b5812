import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import manifest from '../package.json'

const ROOT = resolve(import.meta.dir, '..')

/** A piece of somebody else's work in the executable. */
export type Component = {
  readonly name: string
  readonly version: string
  /** SPDX expression. */
  readonly license: string
  /** What the licence asks to be handed on: its text, copyright notices, NOTICE. */
  readonly notices: readonly string[]
  /** Package URL (purl). */
  readonly url: string
  readonly homepage?: string
  /** Package URLs of what it needs of the others. */
  readonly needs: readonly string[]
  /** The server itself needs it. */
  readonly isDirect: boolean
}

type Manifest = {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly homepage?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Everything in the executable, by name. What the bundler takes in is asked of the bundler, so that
 * nothing is named that is not there; the rest is Bun itself, and data. */
export const components = async (): Promise<readonly Component[]> => {
  const folders = new Set(Object.keys(manifest.dependencies).map((name) => `node_modules/${name}`))
  const { metafile } = await Bun.build({
    entrypoints: [join(ROOT, 'src/main.ts')],
    target: 'bun',
    metafile: true,
  })
  for (const path of Object.keys(metafile?.inputs ?? {})) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []
    if (folder !== undefined) folders.add(folder.slice(folder.indexOf('node_modules/')))
  }
  const found = [...folders].map((folder) => ofPackage(folder, folders)).concat(BUN, DICTIONARY)
  return found.toSorted((one, other) => (one.url < other.url ? -1 : 1))
}

const ofPackage = (folder: string, folders: ReadonlySet<string>): Component => {
  const { name, version, license, homepage, ...needed } = manifestIn(folder)
  const path = join(ROOT, folder)
  const files = readdirSync(path).filter(isNotice(name)).toSorted()
  if (!license || files.length === 0) throw new Error(`${name} has no licence with it`)
  return {
    name,
    version,
    license,
    notices: files.map((file) => readFileSync(join(path, file), 'utf8')),
    url: packageUrl(name, version),
    ...(homepage ? { homepage } : {}),
    needs: Object.keys({ ...needed.dependencies, ...needed.peerDependencies })
      .flatMap((one) => resolved(folder, one, folders) ?? [])
      .map(manifestIn)
      .map((one) => packageUrl(one.name, one.version)),
    isDirect: folder === `node_modules/${name}` && name in manifest.dependencies,
  }
}

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest

const packageUrl = (name: string, version: string): string =>
  `pkg:npm/${name.replace('@', '%40')}@${version}`

/** Where a package finds another: in its own folder, or in one that it lies in. */
const resolved = (
  folder: string,
  name: string,
  folders: ReadonlySet<string>,
): string | undefined => {
  const place = `${folder}/node_modules/${name}`
  if (folders.has(place)) return place
  const above = folder.lastIndexOf('/node_modules/')
  if (above !== -1) return resolved(folder.slice(0, above), name, folders)
  return folders.has(`node_modules/${name}`) ? `node_modules/${name}` : undefined
}

/** Swagger UI has other libraries within it, and a file of theirs for each of its bundles. */
const isNotice = (name: string) => (file: string) =>
  /^(licen[cs]e|notice|copying)(\.|$)/i.test(file) ||
  (name === 'swagger-ui-dist' && file === 'swagger-ui-bundle.js.LICENSE.txt')

const BUN: Component = {
  name: 'bun',
  version: Bun.version,
  license: 'MIT',
  notices: [
    readFileSync(join(ROOT, 'node_modules/bun-types/docs/project/license.mdx'), 'utf8').replace(
      /^---[^]*?---\s*/,
      '',
    ),
  ],
  url: packageUrl('bun', Bun.version),
  homepage: 'https://bun.com',
  needs: [],
  isDirect: true,
}

/** The dictionary that the list of common passwords was taken from. */
const DICTIONARY: Component = {
  name: '@zxcvbn-ts/language-common',
  version: '4.1.3',
  license: 'MIT',
  notices: [
    readFileSync(join(ROOT, 'src/accounts/passwords/common-passwords-licence.txt'), 'utf8'),
  ],
  url: packageUrl('@zxcvbn-ts/language-common', '4.1.3'),
  homepage: 'https://github.com/zxcvbn-ts/zxcvbn',
  needs: [],
  isDirect: true,
}
