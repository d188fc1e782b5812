import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fromLabels } from '../../src/domain/statement/claims.ts'
import type { StatementKind } from '../../src/domain/statement/claims.ts'
import { cborReader } from '../../src/domain/statement/cbor.ts'
import { importKeyPair, publicKeyOf } from '../../src/domain/statement/p256.ts'
import { openStatement } from '../../src/domain/statement/statement.ts'
import { temporaryFolder } from '../support/binary.ts'
import { textOf } from '../support/manual.ts'
import vectors from './vectors.json' with { type: 'json' }

const KIND_NUMBERS = { knock: 2, command: 3, report: 4, enrolment: 7, succession: 8 } as const

const keyOf = (name: string): string =>
  (vectors.keys as Readonly<Record<string, { readonly public: string }>>)[name]?.public ?? ''

type Case = { readonly kind: string; readonly key: string; readonly statement: string }

const openHere = ({ kind, key, statement }: Case) =>
  openStatement(
    kind as StatementKind,
    Uint8Array.fromHex(statement),
    Uint8Array.fromHex(keyOf(key)),
  )

test('the vectors that are accepted say what they should, and the keys belong together', async () => {
  for (const { name, claims, payload, ...vector } of vectors.accepted) {
    const opened = await openHere(vector)
    const shown = Object.entries(opened ?? {}).map(([claim, value]) => [
      claim,
      value instanceof Uint8Array ? value.toHex() : value,
    ])
    expect([name, Object.fromEntries(shown)]).toEqual([name, claims])
    const labels = cborReader(Uint8Array.fromHex(payload)).map()
    expect([name, fromLabels(vector.kind as StatementKind, labels)]).toEqual([name, opened])
    expect(vector.statement).toContain(payload)
  }
  for (const { public: publicKey, pkcs8 } of Object.values(vectors.keys))
    expect((await publicKeyOf(await importKeyPair(Uint8Array.fromHex(pkcs8)))).toHex()).toBe(
      publicKey,
    )
})

test('the vectors that are refused are refused', async () => {
  expect(vectors.refused.length).toBeGreaterThan(25)
  for (const { name, ...vector } of vectors.refused)
    expect([name, await openHere(vector)]).toStrictEqual([name, undefined])
})

const CC = Bun.which('cc')
const HAS_CC = CC !== null || process.env['REQUIRE_CC'] === '1'

/** Builds the verifier, with the sanitizers where this compiler has them. */
const build = async (folder: string): Promise<string> => {
  const out = join(folder, 'verify')
  const source = join(import.meta.dir, 'verify.c')
  const make = async (flags: readonly string[]): Promise<string> => {
    const words = ['-std=c99', '-O1', '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror']
    const made = Bun.spawn(['cc', ...words, ...flags, '-o', out, source, '-lcrypto'], {
      stderr: 'pipe',
    })
    const says = await new Response(made.stderr).text()
    return (await made.exited) === 0 ? '' : says
  }
  const fault = await make(['-fsanitize=address,undefined', '-fno-sanitize-recover=all'])
  if (fault !== '') expect(await make([])).toBe('')
  return out
}

/** Returns what the verifier answers to each case. */
const answersTo = async (verifier: string, cases: readonly Case[]): Promise<readonly string[]> => {
  const lines = cases.map(
    ({ kind, key, statement }) =>
      `${KIND_NUMBERS[kind as StatementKind]} ${keyOf(key)} ${statement}\n`,
  )
  const run = Bun.spawn([verifier], {
    stdin: Buffer.from(lines.join('')),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, words, status] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  expect([status, words]).toStrictEqual([0, ''])
  return out.trimEnd().split('\n')
}

/** The claims of a payload as the verifier writes them. */
const labelsText = (payload: string): string =>
  Array.from(
    cborReader(Uint8Array.fromHex(payload)).map(),
    ([label, value]) => `${label}=${value instanceof Uint8Array ? value.toHex() : value}`,
  ).join(' ')

test.skipIf(!HAS_CC)('a verifier in C accepts and refuses the same', async () => {
  const folder = temporaryFolder()
  try {
    const verifier = await build(folder)
    const accepted = await answersTo(verifier, vectors.accepted)
    expect(accepted).toStrictEqual(vectors.accepted.map(({ payload }) => labelsText(payload)))
    const refused = await answersTo(verifier, vectors.refused)
    expect(refused).toStrictEqual(vectors.refused.map(() => 'refused'))

    const altered = vectors.accepted.flatMap((vector) => alterationsOf(vector))
    expect(altered.length).toBeGreaterThan(10_000)
    expect(new Set(await answersTo(verifier, altered))).toStrictEqual(new Set(['refused']))

    const kinds = Object.keys(KIND_NUMBERS)
    const asOthers = vectors.accepted.flatMap((vector) =>
      kinds.filter((kind) => kind !== vector.kind).map((kind) => ({ ...vector, kind })),
    )
    expect(new Set(await answersTo(verifier, asOthers))).toStrictEqual(new Set(['refused']))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A statement with each of its bits flipped, and cut after each of its bytes. */
const alterationsOf = (vector: Case): readonly Case[] => {
  const bytes = Uint8Array.fromHex(vector.statement)
  const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const copy = Uint8Array.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return copy
  })
  const cut = Array.from({ length: bytes.length }, (_, length) => bytes.slice(0, length))
  return [...flipped, ...cut].map((altered) => ({ ...vector, statement: altered.toHex() }))
}

test('the manual shows vectors that are in the file, and the keys that they are signed with', () => {
  const shown = new Set(
    [...textOf('src/manual/controller.md').matchAll(/^```text\n([0-9a-f\n]+)```$/gm)].map(
      ([, hex = '']) => hex.replaceAll('\n', ''),
    ),
  )
  const statements = vectors.accepted.map(({ statement }) => statement)
  const known = new Set([...statements, keyOf('door'), keyOf('controller')])
  expect(shown.size).toBe(7)
  expect([...shown].filter((hex) => !known.has(hex))).toStrictEqual([])
})

test('the verifier in C is short, and as long as the manual says', () => {
  const lines = textOf('test/controller/verify.c').split('\n')
  const ours = lines.filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length
  expect(ours).toBeLessThan(150)
  expect(textOf('src/manual/controller.md')).toContain(`a verifier in ${ours} lines of C99`)
})
