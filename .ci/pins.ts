import { readFileSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** What builds and releases us is known by its checksum: Bun, and the images of containers. */

const ROOT = resolve(import.meta.dir, '..')

/** The sums of Bun's executables, by the names they have in its cache. */
const pinnedBun = (): ReadonlyMap<string, string> =>
  new Map(
    readFileSync(join(ROOT, '.ci/bun.sha256'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const [sum = '', name = ''] = line.split('  ')
        return [name, sum]
      }),
  )

const cacheFolder = (): string =>
  process.env['BUN_INSTALL_CACHE_DIR'] ?? join(homedir(), '.bun/install/cache')

export const sha256 = async (path: string): Promise<string> => {
  const hasher = new Bun.CryptoHasher('sha256')
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk)
  return hasher.digest('hex')
}

/** Throws unless the Bun that runs this, and each that executables were built on, is a pinned one. */
export const requirePinnedBun = async (cache = cacheFolder()): Promise<void> => {
  const pinned = pinnedBun()
  const sums = new Set(pinned.values())
  if (!sums.has(await sha256(process.execPath)))
    throw new Error(
      `${process.execPath} is not a Bun of .ci/bun.sha256: bash .ci/install-bun FOLDER`,
    )
  for (const name of readdirSync(cache).filter((file) => file.endsWith(`-v${Bun.version}`)))
    if (name.startsWith('bun-') && (await sha256(join(cache, name))) !== pinned.get(name))
      throw new Error(`${join(cache, name)} is not the one of .ci/bun.sha256: remove it`)
}

/** Returns the images of a Dockerfile or a workflow that have no digest. A tag may be moved to
 * another image, a digest may not. */
export const unpinnedImages = (text: string): readonly string[] => {
  const stages = new Set([...text.matchAll(/^FROM .* AS (\S+)$/gim)].map(([, name]) => name))
  const images = [...text.matchAll(/^(?:FROM (?:--\S+ )*|\s*image: *)['"]?([^\s'"]+)/gim)]
  return images
    .map(([, image = '']) => image)
    .filter((image) => image !== 'scratch' && !stages.has(image))
    .filter((image) => !/@sha256:[0-9a-f]{64}$/.test(image))
}

/** Throws if an image that a release is checked in, or built from, has no digest. */
export const requirePinnedImages = (root = ROOT): void => {
  const workflows = readdirSync(join(root, '.github/workflows')).map(
    (name) => `.github/workflows/${name}`,
  )
  const unpinned = ['Dockerfile', ...workflows].flatMap((path) =>
    unpinnedImages(readFileSync(join(root, path), 'utf8')).map((image) => `${image} in ${path}`),
  )
  if (unpinned.length > 0)
    throw new Error(
      `No digest: ${unpinned.join(', ')}. Add @sha256:… to each, as printed by ` +
        "docker buildx imagetools inspect IMAGE --format '{{.Manifest.Digest}}'",
    )
}
