import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { requirePinnedBun, requirePinnedImages, sha256, unpinnedImages } from '../../.ci/pins.ts'
import { temporaryFolder } from '../support/binary.ts'

const ROOT = resolve(import.meta.dir, '../..')
const FOLDER = join(ROOT, '.github/workflows')

type Step = {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}
type Job = {
  readonly if?: string
  readonly container?: { readonly options?: string }
  readonly permissions?: Readonly<Record<string, string>>
  readonly environment?: string
  readonly uses?: string
  readonly needs?: readonly string[]
  readonly steps?: readonly Step[]
}
type Workflow = {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: object
  readonly jobs: Readonly<Record<string, Job>>
}

const workflows = readdirSync(FOLDER).map((name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8')
  return { name, text, ...(Bun.YAML.parse(text) as Workflow) }
})
const jobs = workflows.flatMap((workflow) =>
  Object.entries(workflow.jobs).map(([id, job]) => ({ id, steps: [], ...job })),
)
const canWrite = ({ permissions = {} }: Job): boolean =>
  Object.values(permissions).includes('write')

describe('the workflows', () => {
  test('[G13] pin every action by its commit, and keep no credentials of a checkout', () => {
    const steps = jobs.flatMap((job) => job.steps)
    const actions = steps.flatMap(({ uses = [] }) => uses)
    expect(actions.length).toBeGreaterThan(4)
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
    for (const step of steps)
      if (step.uses?.startsWith('actions/checkout@'))
        expect(step.with).toStrictEqual({ 'persist-credentials': false })
    for (const job of jobs) if (job.uses) expect(job.uses).toStartWith('./.github/workflows/')
  })

  test('[G13] run no privileged container for a pull request from a fork', () => {
    const privileged = jobs.filter(({ container }) => container?.options?.includes('--privileged'))
    expect(privileged.map(({ id }) => id)).toStrictEqual(['checks'])
    for (const job of privileged)
      expect(job.if).toBe(
        "github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository",
      )
    for (const { on, text } of workflows) {
      expect(Object.keys(on)).not.toContain('pull_request_target')
      expect(Object.keys(on)).not.toContain('workflow_run')
      // Text that anyone may write is in no script.
      expect(text).not.toMatch(/run:.*\$\{\{/)
      expect(text).not.toMatch(/\bsecrets\b/)
    }
  })

  test('[G13] grant no right that is not named with its reason, and writing only behind an environment', () => {
    for (const { permissions } of workflows) expect(permissions).toStrictEqual({})
    for (const job of jobs) expect(job.permissions).toBeDefined()
    const writing = jobs.filter(canWrite)
    expect(writing.map(({ id }) => id)).toStrictEqual(['publish'])
    for (const { environment, needs, steps } of writing) {
      expect(environment).toBe('release')
      expect(needs).toStrictEqual(['checks', 'build'])
      // It runs nothing of the repository.
      for (const { uses = '', run = '' } of steps) {
        expect(uses).not.toStartWith('actions/checkout@')
        expect(run).toMatch(/^(|sha256sum --check SHA256SUMS|gh release create .*)$/)
      }
    }
    for (const { text } of workflows)
      for (const [line] of text.matchAll(/^.*: write\b.*$/gm)) expect(line).toMatch(/write # \S+/)
  })

  test('[G13] run Bun only after its checksum was compared', () => {
    for (const { steps } of jobs) {
      const scripts = steps.map(({ run = '' }) => run)
      const first = scripts.findIndex((script) => script.startsWith('bun '))
      const installed = scripts.findIndex((script) => script.startsWith('bash .ci/install-bun '))
      if (first !== -1) expect(installed).toBeWithin(0, first)
    }
    const ci = readFileSync(join(ROOT, '.ci/run'), 'utf8')
    for (const text of [ci, ...workflows.map((workflow) => workflow.text)])
      expect(text).not.toMatch(/\bnpx\b|setup-bun|curl[^\n|]*\|\s*(ba)?sh\b/)
    expect(ci.indexOf('bash .ci/install-bun')).toBeWithin(
      0,
      ci.lastIndexOf('"${BUN[@]}" run check'),
    )
  })
})

describe('Bun', () => {
  test('[G13] that runs this, and whose copies executables are built on, is the pinned one', async () => {
    await requirePinnedBun()
    const folder = temporaryFolder()
    writeFileSync(join(folder, `bun-linux-aarch64-v${Bun.version}`), 'another')
    expect(requirePinnedBun(folder)).rejects.toThrow('is not the one of .ci/bun.sha256')
    rmSync(folder, { recursive: true })
  })

  /** Runs `.ci/install-bun` with a package from a registry that is not to be trusted. */
  const installing = async (executable: string) => {
    const folder = temporaryFolder()
    const bin = join(folder, 'bin')
    mkdirSync(join(folder, 'package/bin'), { recursive: true })
    mkdirSync(bin)
    writeFileSync(join(folder, 'package/bin/bun'), executable)
    writeFileSync(
      join(bin, 'npm'),
      `#!/bin/sh
for package; do :; done
file=$(echo "$package" | sed 's/^@oven./oven-/; s/@/-/').tgz
tar --create --gzip --file "$file" --directory ${folder} package
`,
    )
    chmodSync(join(bin, 'npm'), 0o755)
    cpSync(join(ROOT, '.ci'), join(folder, '.ci'), { recursive: true })
    const sum = await sha256(join(folder, 'package/bin/bun'))
    return {
      folder,
      /** Pins that executable for every machine. */
      pin: (): void => {
        const path = join(folder, '.ci/bun.sha256')
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/^[0-9a-f]{64}/gm, sum))
      },
      install: (): { readonly status: number; readonly words: string } => {
        const run = Bun.spawnSync(['bash', '.ci/install-bun', 'out'], {
          cwd: folder,
          env: { HOME: join(folder, 'home'), PATH: `${bin}:${process.env['PATH']}` },
          stderr: 'pipe',
        })
        return { status: run.exitCode, words: run.stderr.toString() }
      },
    }
  }

  test('[G13] with another checksum is not installed', async () => {
    const { folder, install, pin } = await installing('#!/bin/sh\ntouch was-run\n')
    expect(install()).toStrictEqual({
      status: 1,
      words: '@oven/bun-linux-x64@1.4.5 is not the one of .ci/bun.sha256\n',
    })
    expect(readdirSync(folder)).not.toContain('was-run')
    expect(readdirSync(join(folder, 'out'))).toStrictEqual([])
    expect(readdirSync(join(folder, 'home/.bun/install/cache'))).toStrictEqual([])
    pin()
    expect(install()).toStrictEqual({ status: 0, words: '' })
    expect(readdirSync(join(folder, 'out'))).toStrictEqual(['bun'])
    expect(readdirSync(join(folder, 'home/.bun/install/cache'))).toHaveLength(6)
    // What a cache holds is compared too.
    const cached = join(folder, 'home/.bun/install/cache/bun-linux-x64-v1.4.5')
    writeFileSync(cached, 'tampered with')
    expect(install().status).toBe(0)
    expect(readFileSync(cached, 'utf8')).toBe('#!/bin/sh\ntouch was-run\n')
    rmSync(folder, { recursive: true })
  })
})

describe('an image', () => {
  const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

  test('[G13] without a digest is found, wherever it is named', () => {
    const dockerfile = (tag: string) =>
      `FROM debian:12${tag} AS libraries\nFROM --platform=$BUILDPLATFORM oven/bun:1${tag} AS build\nFROM libraries\nFROM scratch\n`
    expect(unpinnedImages(dockerfile(''))).toStrictEqual(['debian:12', 'oven/bun:1'])
    expect(unpinnedImages(dockerfile(`@${DIGEST}`))).toStrictEqual([])
    expect(unpinnedImages('    container:\n      image: node:20 # why\n')).toStrictEqual([
      'node:20',
    ])
    expect(unpinnedImages(`      image: "node:20@${DIGEST}"\n`)).toStrictEqual([])
  })

  test('[G13] without a digest fails a release, which says how to look it up', () => {
    const folder = temporaryFolder()
    for (const name of ['Dockerfile', '.github'])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'Dockerfile'), 'FROM debian:12.11-slim\n')
    expect(() => requirePinnedImages(folder)).toThrow(
      /^No digest: debian:12.11-slim in Dockerfile.*docker buildx imagetools inspect IMAGE/,
    )
    for (const name of ['Dockerfile', '.github/workflows/ci.yml', '.github/workflows/release.yml'])
      writeFileSync(join(folder, name), `FROM debian:12.11-slim@${DIGEST}\n`)
    requirePinnedImages(folder)
    rmSync(folder, { recursive: true })
    const release = readFileSync(join(ROOT, '.ci/release.ts'), 'utf8')
    expect(release).toContain('if (values.tag !== undefined) requirePinnedImages()')
    expect(release).toContain('await requirePinnedBun()')
  })
})
