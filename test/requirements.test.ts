import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the service must withstand, by the numbers that test names carry in brackets. */
const REQUIREMENTS = {
  A1: 'every route, caller and method gets a listed answer',
  A2: 'a member reads only their own',
  A3: 'privileged fields change nothing',
  A4: 'answers carry only listed fields',
  A5: 'the first owner comes from a one-time code or the command line',
  A6: 'the role is read from the database at each request',
  P1: 'Argon2id, rehashed when the parameters rise',
  P2: 'length in code points, NFKC, compared in full, no composition rules',
  P3: 'common passwords and the product’s words are refused offline',
  P4: 'guesses count whatever way they fail and wherever they come from',
  P5: 'a stranger’s guesses do not keep the owner out',
  P6: 'failed logins are told apart by nothing',
  P7: 'hashing is bounded',
  T1: 'every odd token answers 401',
  T2: 'a missing secret is made, a short or known one refused',
  T3: 'an ended session fails at the next request',
  T4: 'refresh tokens rotate, and a second use ends the session',
  T5: 'people end their sessions, admins anybody’s',
  T6: 'tokens are in no address and no log',
  I1: 'nothing sent is echoed',
  I2: 'odd bodies, methods and text',
  I3: 'parallel registrations of one name',
  I4: 'HTML, CSV and log lines cannot be forged',
  I5: 'headers on every status',
  I6: 'pages load nothing from another host',
  I7: 'cookies are no script’s, and no other origin’s',
  I8: 'slow, aborted and endless connections',
  D1: 'what was acknowledged survives kill -9',
  D2: 'pragmas are read back',
  D3: 'backups and restores',
  D4: 'failing disks and files',
  D5: 'migrations and newer databases',
  D6: 'clocks that jump',
  D7: 'erasure leaves every proof',
  O1: 'SIGTERM',
  O2: 'hostile folders',
  O3: 'what happens to accounts and settings is recorded',
  O4: 'processors of small gateways',
  O5: 'no secret in the executable or the repository',
  O6: 'requests drawn from the OpenAPI document',
  G1: 'clients that hold connections keep no newcomer out',
  G2: 'unread answers fit into 512 MiB',
  G7: 'heavy reads hold up no unlock',
  G8: 'owners and admins always get a live stream',
  G3: 'a flood of unlocks is bounded, and leaves owners a reserve of the disk',
  G4: 'only an owner does anything to an owner’s account',
  G5: 'no right follows from loopback',
  G9: 'logins of known devices while 50 addresses guess',
  G10: 'no client can take an id that the service derives',
  G11: 'a member does not learn when somebody else opened the door',
  G13: 'what builds and releases us is pinned',
  G14: 'an old or another database put in place stops all signing: the log never forks',
  G15: 'erasing and upgrading very many unlocks lets others through, in little memory, also if killed',
  G6: 'foreign pages count as nobody’s login, use up nobody’s limits and get in by no other name',
  G12: 'undecodable paths, foreign schema objects and deceiving text have one rule each',
} as const

test('every requirement is named by a test, or by a walk of .ci/run', () => {
  const named = new Set<string>()
  for (const path of new Bun.Glob('**/*.test.ts').scanSync(import.meta.dir))
    for (const [, ids = ''] of readFileSync(join(import.meta.dir, path), 'utf8').matchAll(
      /\btest[^(\n]*\(\s*['"`][^\n]*?\[([A-Z]\d+(?:, [A-Z]\d+)*)\]/g,
    ))
      for (const id of ids.split(', ')) named.add(id)
  // Emulated processors take executables of other targets, which only .ci/run builds, and walks through.
  const walks = readFileSync(join(import.meta.dir, '../.ci/run'), 'utf8')
  for (const [, id = ''] of walks.matchAll(/^walk '[^']*\[([A-Z]\d)\]'/gm)) named.add(id)
  expect(Object.keys(REQUIREMENTS).filter((id) => !named.has(id))).toStrictEqual([])
  expect([...named].filter((id) => !(id in REQUIREMENTS))).toStrictEqual([])
})
