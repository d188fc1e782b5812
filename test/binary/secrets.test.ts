import { describe, expect, test } from 'bun:test'
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { newAccessToken } from '../../src/accounts/tokens/format.ts'
import { BINARY, startService } from '../support/binary.ts'

const ROOT = resolve(import.meta.dir, '../..')

/** What keys and tokens look like, long enough to be real. */
const KEY_MATERIAL = {
  'a private key in PEM': /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\\rn]+[A-Za-z0-9+/=\s\\]{60,}/,
  'a signing key of a note': /PRIVATE\+KEY\+[^+\s"'`]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}/,
  'an access token': /\bsls_[0-9A-Za-z]{49}\b/,
  'a JWT': /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
  'a key of a cloud or forge':
    /\b(?:AKIA[0-9A-Z]{16}|gh[opsu]_[A-Za-z0-9]{36}|github_pat_\w{60,}|npm_[A-Za-z0-9]{36}|xox[abps]-[A-Za-z0-9-]{20,}|AIza[\w-]{35}|sk_live_[A-Za-z0-9]{20,})\b/,
  'a secret with its name':
    /\b(?:JWT_SECRET_KEY|[a-z_]*(?:secret|private)_?key|client_secret|api_?key)["']?\s*[:=]\s*["']?(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Z])[A-Za-z0-9+/_-]{32,}={0,2}/i,
} as const

const found = (text: string): readonly string[] =>
  Object.entries(KEY_MATERIAL).flatMap(([name, pattern]) => {
    const [match] = pattern.exec(text) ?? []
    return match === undefined ? [] : [`${name}: ${match.slice(0, 80)}`]
  })

describe('no secret is', () => {
  test('where the search would miss it', () => {
    const pem = crypto.getRandomValues(new Uint8Array(96)).toBase64()
    const text = crypto.getRandomValues(new Uint8Array(48)).toBase64()
    for (const planted of [
      `-----BEGIN PRIVATE KEY-----\n${pem}\n`,
      `const pem = "-----BEGIN EC PRIVATE KEY-----\\n${pem}"`,
      `PRIVATE+KEY+gateway+0a1b2c3d+${text}`,
      `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${'a'.repeat(43)}`,
      newAccessToken(),
      `ghp_${'a1B2'.repeat(9)}`,
      `JWT_SECRET_KEY=A1${text}`,
    ])
      expect(`${planted} ${found(planted).length > 0}`).toEndWith(' true')
  })

  test('in the executable [O5]', () => {
    expect(found(readFileSync(BINARY, 'latin1'))).toStrictEqual([])
  })

  test('in the repository [O5]', () => {
    const listed = Bun.spawnSync(['git', '-c', 'safe.directory=*', 'ls-files', '-z'], { cwd: ROOT })
    const files = listed.stdout.toString().split('\0').filter(Boolean)
    expect(files.length).toBeGreaterThan(200)
    const faults = files.flatMap((file) =>
      found(readFileSync(join(ROOT, file), 'latin1')).map((one) => `${file}: ${one}`),
    )
    expect(faults).toStrictEqual([])
    expect(files.filter((file) => /\.(pem|key|p12|env|db)$|^data\//.test(file))).toStrictEqual([])
  })

  test('shared by two gateways or in the executable: each creates its own keys [O5]', async () => {
    await using one = await startService()
    await using other = await startService()
    const keysOf = (folder: string) =>
      readdirSync(join(folder, 'data'))
        .filter((name) => name.endsWith('-key'))
        .toSorted()
        .map((name) => ({ name, bytes: readFileSync(join(folder, 'data', name)) }))
    const [keys, others] = [keysOf(one.folder), keysOf(other.folder)]
    expect(keys.map(({ name }) => name)).toStrictEqual(others.map(({ name }) => name))
    expect(keys.length).toBeGreaterThan(2)
    const executable = readFileSync(BINARY)
    for (const [index, { name, bytes }] of keys.entries()) {
      expect(`${name} ${others[index]?.bytes.equals(bytes)}`).toBe(`${name} false`)
      expect(`${name} ${executable.includes(bytes)}`).toBe(`${name} false`)
    }
  })
})

test('SECURITY.md says how to report a vulnerability, and how long a version is supported [O5]', () => {
  const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  const section = (title: string) => text.split(/^## /m).find((one) => one.startsWith(`${title}\n`))
  expect(section('Report a vulnerability')).toMatch(/privately/)
  expect(section('Supported versions')).toMatch(/for at least \d+ months/)
})
