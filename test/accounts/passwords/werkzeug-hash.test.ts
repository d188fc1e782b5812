import { expect, test } from 'bun:test'
import {
  WERKZEUG_WORK_MAX,
  werkzeugDigest,
  werkzeugWork,
  parseWerkzeugHash,
} from '../../../src/accounts/passwords/werkzeug-hash.ts'
import { passwordHasher } from '../../../src/accounts/passwords/hasher.ts'
import { hashes } from './werkzeug-hashes.json'

const hasher = passwordHasher({ memoryCost: 19_456, timeCost: 2 })

test('every hash that Werkzeug created is parsed, and only its password produces its digest', async () => {
  expect(hashes.length).toBeGreaterThan(30)
  for (const { hash, password } of hashes) {
    const legacy = parseWerkzeugHash(hash)
    if (!legacy) throw new Error(`cannot read ${hash}`)
    expect(await werkzeugDigest(legacy, password)).toBe(legacy.digest)
    // As it was typed: the legacy server did not normalize it.
    for (const other of [`${password} `, password.slice(1), password.toUpperCase()])
      if (other !== password) expect(await werkzeugDigest(legacy, other)).not.toBe(legacy.digest)
  }
})

test('[P1] a Werkzeug hash is wrapped in Argon2id, and the password still matches', async () => {
  const kinds = hashes.filter(
    ({ hash }, at) =>
      hashes.findIndex((other) => other.hash.split('$')[0] === hash.split('$')[0]) === at,
  )
  expect(kinds.map(({ hash }) => hash.split('$')[0])).toStrictEqual([
    'sha256',
    'pbkdf2:sha256:1000',
    'pbkdf2:sha256:260000',
    'pbkdf2:sha256:1000000',
    'scrypt:32768:8:1',
    'scrypt:1024:4:2',
  ])
  for (const { hash, password } of kinds) {
    const legacy = parseWerkzeugHash(hash)
    const stored = legacy ? await hasher.wrap(legacy) : ''
    expect(stored).toMatch(/^[^$]+\$[^$]+\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(stored).not.toContain(legacy?.digest ?? '')
    expect(await hasher.verify(password, stored)).toBe(true)
    expect(await hasher.verify(`${password}x`, stored, ['sha256', 'pbkdf2:sha256:1'])).toBe(false)
    // Anyone who has the legacy server's file still does not know the password.
    expect(await hasher.verify(legacy?.digest ?? '', stored)).toBe(false)
    expect(hasher.isOutdated(stored)).toBe(true)
  }
  expect(hasher.isOutdated(await hasher.hash('correct horse battery'))).toBe(false)
})

test('[P7] other hashes, and those that would take too long, are not accepted', () => {
  const digest = 'a'.repeat(64)
  for (const text of [
    '',
    'correct horse battery',
    `plain$$correct horse battery`,
    `md5$salt$${'a'.repeat(32)}`,
    `sha256$$${digest}`,
    `sha256$salt$${digest}0`,
    `sha256$salt$${digest.toUpperCase()}`,
    `sha256$sa\nlt$${digest}`,
    `sha256$${'s'.repeat(65)}$${digest}`,
    `sha1$salt$${'a'.repeat(40)}`,
    `pbkdf2:sha256$salt$${digest}`,
    `pbkdf2:sha256:0$salt$${digest}`,
    `pbkdf2:sha256:-1$salt$${digest}`,
    `pbkdf2:sha256:${WERKZEUG_WORK_MAX + 1}$salt$${digest}`,
    `pbkdf2:sha256:999999999999$salt$${digest}`,
    `scrypt:32768:8:1$salt$${digest}`,
    `scrypt:32767:8:1$salt$${digest}${digest}`,
    `scrypt:1:8:1$salt$${digest}${digest}`,
    `scrypt:65536:8:1$salt$${digest}${digest}`,
    `scrypt:32768:16:1$salt$${digest}${digest}`,
    `scrypt:32768:8:99$salt$${digest}${digest}`,
    '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
  ])
    expect([text, parseWerkzeugHash(text)]).toStrictEqual([text, undefined])
  expect(parseWerkzeugHash(`scrypt:32768:8:1$salt$${digest}${digest}`)).toBeDefined()
})

test('[P7] all schemes that were ever Werkzeug’s default fit into the cost limit of a login', () => {
  const defaults = [1000, 50_000, 150_000, 260_000, 600_000, 1_000_000]
  const schemes = ['sha256', 'scrypt:32768:8:1', ...defaults.map((n) => `pbkdf2:sha256:${n}`)]
  expect(werkzeugWork(schemes)).toBeLessThan(WERKZEUG_WORK_MAX)
  const many = Array.from({ length: 1000 }, (_, at) => `pbkdf2:sha256:${at + 1}`)
  expect(werkzeugWork(many)).toBeGreaterThan(WERKZEUG_WORK_MAX)
})
