import { beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { components } from '../../.ci/components.ts'
import { noticesText } from '../../.ci/notices.ts'
import { sbomText } from '../../.ci/sbom.ts'
import manifest from '../../package.json'
import { BINARY, runCommand, temporaryFolder } from '../support/binary.ts'

const ROOT = resolve(import.meta.dir, '../..')

const sha256 = (path: string): string =>
  new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex')

/** What the Dockerfile builds from. */
const BUILT_FROM = [
  'package.json',
  'bun.lock',
  'bunfig.toml',
  'tsconfig.json',
  'CHANGELOG.md',
  'SECURITY.md',
  'patches',
  'src',
]

describe('a build', () => {
  /** Builds from a copy of the Dockerfile's sources, in a folder of that name. */
  const builtIn = (folder: string): string => {
    mkdirSync(folder, { recursive: true })
    for (const name of BUILT_FROM) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    for (const words of [
      ['install', '--frozen-lockfile'],
      ['run', 'build'],
    ]) {
      const run = Bun.spawnSync([process.execPath, ...words], { cwd: folder, stderr: 'pipe' })
      expect(`${run.exitCode} ${run.exitCode === 0 ? '' : run.stderr.toString()}`).toBe('0 ')
    }
    return sha256(join(folder, 'dist/secure-lock-server'))
  }

  test('is the same in any folder, byte for byte, and mentions no folder', () => {
    const folder = temporaryFolder()
    const here = sha256(BINARY)
    expect(builtIn(join(folder, 'one'))).toBe(here)
    expect(builtIn(join(folder, 'quite/another place'))).toBe(here)
    expect(readFileSync(BINARY).includes(ROOT)).toBe(false)
    rmSync(folder, { recursive: true })
  })
})

describe('what is in the executable', () => {
  let parts: Awaited<ReturnType<typeof components>>

  beforeAll(async () => {
    parts = await components()
  })

  test('is listed with its licences by the executable itself', async () => {
    const { status, out } = await runCommand(['licenses'])
    expect(status).toBe(0)
    // Differs after a change of dependencies: `bun run notices` rewrites it.
    expect(out).toBe(noticesText(parts))
    for (const name of [...Object.keys(manifest.dependencies), 'bun', '@zxcvbn-ts/language-common'])
      expect(out).toMatch(new RegExp(`^${name} \\d`, 'm'))
    for (const words of ['SmartBear', 'Apache License', 'JavaScriptCore', 'Dropbox'])
      expect(out).toContain(words)
  })

  test('is listed with version and licence as CycloneDX, the same bytes every time', async () => {
    const text = sbomText(parts)
    expect(sbomText(await components())).toBe(text)
    const bom = JSON.parse(text) as Bom
    expect([bom.bomFormat, bom.metadata.component.version]).toStrictEqual([
      'CycloneDX',
      manifest.version,
    ])
    const known = new Map(bom.components.map((one) => [one.name, one]))
    for (const [name, version] of Object.entries(manifest.dependencies))
      expect([name, known.get(name)?.version]).toStrictEqual([name, version])
    for (const one of bom.components) expect(`${one.name} ${one.licenses.length}`).toEndWith(' 1')
    const linked = known.get('bun')?.components?.map(({ name }) => name)
    expect(linked).toContain('sqlite')
    expect(linked).toContain('webkit')
    // Everything listed is needed by something.
    const reached = new Set<string>()
    const reach = (ref: string): void => {
      if (reached.has(ref)) return
      reached.add(ref)
      for (const next of bom.dependencies.find((one) => one.ref === ref)?.dependsOn ?? [])
        reach(next)
    }
    reach(manifest.name)
    for (const one of bom.components) expect(reached).toContain(one['bom-ref'])
  })
})

type Part = {
  name: string
  version: string
  'bom-ref': string
  licenses: object[]
  components?: Part[]
}
type Bom = {
  bomFormat: string
  metadata: { component: Part }
  components: Part[]
  dependencies: { ref: string; dependsOn?: string[] }[]
}
