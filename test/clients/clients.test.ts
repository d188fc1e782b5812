import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Service, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { PYTHON, TYPES, TYPESCRIPT } from './walks.ts'

/** Tools of other people that read the OpenAPI document, from npm; OpenAPI Generator needs Java. */
const GENERATOR = '@openapitools/openapi-generator-cli@2.41.0'
const GENERATOR_VERSION = '7.25.0'
const REDOCLY = '@redocly/cli@2.77.0'
const SPECTRAL = '@stoplight/spectral-cli@6.16.3'
const OPENAPI_TYPESCRIPT = 'openapi-typescript@7.13.0'
const OPENAPI_TO_POSTMAN = 'openapi-to-postmanv2@6.3.3'

/** Fetching a generator, and writing four clients, on a busy machine. */
const START_MS_MAX = 300_000

const TSC = resolve(import.meta.dir, '../../node_modules/.bin/tsc')

describe('the OpenAPI document, read by other people’s tools', () => {
  const folder = temporaryFolder()
  let service: Service

  beforeAll(async () => {
    service = await startService({ folder })
    const answer = await fetch(`${service.url}/swagger/json`)
    writeFileSync(join(folder, 'lock.json'), await answer.text())
    writeFileSync(
      join(folder, 'openapitools.json'),
      JSON.stringify({ 'generator-cli': { version: GENERATOR_VERSION } }),
    )
    writeFileSync(join(folder, 'spectral.yaml'), 'extends: ["spectral:oas"]\n')
    await generate(['python', 'typescript-fetch', 'dart-dio', 'kotlin'])
  }, START_MS_MAX)

  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Returns what a program prints. Throws what it says if it fails. */
  const run = async (...command: readonly string[]): Promise<string> => {
    const program = Bun.spawn([...command], {
      cwd: folder,
      env: { ...process.env, JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, words, status] = await Promise.all([
      new Response(program.stdout).text(),
      new Response(program.stderr).text(),
      program.exited,
    ])
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${out}${words}`)
    return out
  }
  const npx = (npmPackage: string, ...command: readonly string[]) =>
    run('npx', '-y', `--package=${npmPackage}`, ...command)
  /** Writes a client for each of these, into a folder of that name. One Java does it, and compiles itself only lightly:
   * starting takes most of its time. */
  const generate = (languages: readonly string[]) => {
    for (const language of languages)
      writeFileSync(
        join(folder, `${language}.json`),
        JSON.stringify({ generatorName: language, inputSpec: 'lock.json', outputDir: language }),
      )
    const configs = languages.map((language) => `${language}.json`)
    return npx(GENERATOR, 'openapi-generator-cli', 'batch', ...configs)
  }
  const typecheck = (file: string) =>
    run(
      TSC,
      ...'--noEmit --strict --module preserve --target esnext --lib esnext,dom --allowImportingTsExtensions'.split(
        ' ',
      ),
      file,
    )

  /** Returns what a walk prints, against a server that has only an owner and loses nothing afterwards. */
  const walk = async (...command: readonly string[]) => {
    await using server = await startService()
    const owner = ['user', 'add', '--role', 'owner', 'owner']
    const added = await runCommand(owner, { folder: server.folder, input: 'four brown doors\n' })
    expect(added.status).toBe(0)
    const lines = (await run(...command, server.url)).trim().split('\n')
    const verified = await runCommand(['log', 'verify'], { folder: server.folder })
    return { lines, verified: verified.out }
  }

  test('Redocly and Spectral find no error', async () => {
    expect(await npx(REDOCLY, 'redocly', 'lint', 'lock.json', '--format=json')).toContain(
      '"errors": 0',
    )
    const found = await npx(
      SPECTRAL,
      'spectral',
      'lint',
      'lock.json',
      '-r',
      'spectral.yaml',
      '-f',
      'json',
      '--fail-severity',
      'error',
    )
    expect(found).not.toContain('"severity": 0')
  })

  test('a client in Python does what the README does', async () => {
    await run('python3', '-m', 'venv', 'venv')
    await run(
      'venv/bin/pip',
      'install',
      '--quiet',
      '--no-compile',
      '--disable-pip-version-check',
      './python',
    )
    writeFileSync(join(folder, 'walk.py'), PYTHON)
    expect(await walk('venv/bin/python', 'walk.py')).toStrictEqual({
      lines: [
        'User registered successfully',
        'Bearer 1800',
        'Unlocking process logged successfully',
        'stored 1',
        'stored stored',
        '0:fingerprint:unlocked 3:pin:unlocked True',
        // Three of the four are equal, and count once.
        '2',
        'None',
        'fingerprint pin (reported late) pin (reported late) pin (reported late)',
        'owner ada',
        '401 unauthorized',
      ],
      verified: 'The log is intact: 4 events\n',
    })
  })

  test('a client in TypeScript does what the README does, and its types are right', async () => {
    writeFileSync(join(folder, 'walk.ts'), TYPESCRIPT)
    await typecheck('walk.ts')
    expect(await walk(process.execPath, 'walk.ts')).toStrictEqual({
      lines: [
        'User registered successfully',
        'Bearer 1800',
        'Unlocking process logged successfully',
        'stored 1',
        'stored 2',
        'stored 3',
        '0:fingerprint:unlocked 3:pin:unlocked true',
        // Three of the four are equal, and count once.
        '2',
        'null',
        'fingerprint pin (reported late) pin (reported late) pin (reported late)',
        'owner ada',
        '401 unauthorized',
      ],
      verified: 'The log is intact: 4 events\n',
    })
  })

  test.each(['dart-dio', 'kotlin'])(
    'OpenAPI Generator writes a client for %s',
    async (language) => {
      const words = 'fun logUnlocking\\b|> logUnlocking\\b'
      expect(await run('grep', '-rliE', words, language)).not.toBe('')
    },
  )

  test('openapi-typescript writes types with names', async () => {
    await npx(OPENAPI_TYPESCRIPT, 'openapi-typescript', 'lock.json', '-o', 'lock.d.ts')
    writeFileSync(join(folder, 'types.ts'), TYPES)
    await typecheck('types.ts')
  })

  test('a Postman import calls the server that the document came from', async () => {
    await npx(OPENAPI_TO_POSTMAN, 'openapi2postmanv2', '-s', 'lock.json', '-o', 'postman.json')
    const { variable } = (await Bun.file(join(folder, 'postman.json')).json()) as {
      readonly variable: unknown
    }
    expect(variable).toContainEqual({ key: 'baseUrl', value: service.url })
  })
})
