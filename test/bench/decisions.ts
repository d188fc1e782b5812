import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { insertGrant, insertLock, rowsOf } from '../support/access.ts'
import { bearer, clientOf } from '../support/app.ts'
import { weekly } from '../support/grants.ts'
import { type Lines, atMost, median, say } from './line.ts'
import { type Load, type Target, loadText, postLoad, typical } from './load.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { QUIET, startSignedIn } from './service.ts'

const CONNECTIONS = 16

/** A home with one lock, and a large house. */
const HOMES = { small: { locks: 1, grants: 10 }, large: { locks: 1000, grants: 10_000 } } as const

/** Decisions at a lock compared with unlocks that an app claims, and in a large house with those in a small
 * home. */
export async function* decisionLines(folder: string): Lines {
  const start = async (name: keyof typeof HOMES) => {
    const own = join(folder, name)
    mkdirSync(own)
    const service = await startSignedIn({ folder: own, env: QUIET })
    await furnish(join(own, 'data/secure-lock.db'), {
      ...HOMES[name],
      holder: await holder(service),
    })
    return service
  }
  await using small = await start('small')
  await using large = await start('large')
  const claims = { ...small.unlocks, url: `${small.url}/v1/unlocks`, BODY: CLAIM }
  const found = await alternately({
    claims,
    small: attempts(small.unlocks, small.url),
    large: attempts(large.unlocks, large.url),
  })
  const cost = (name: string, than: string) =>
    median(
      found(name).map(({ perSecond }, round) => (found(than)[round]?.perSecond ?? 0) / perSecond),
    )
  yield {
    what: `\`POST /v1/unlocks\`, ${CONNECTIONS} connections`,
    measured: loadText(typical(found('claims'))),
  }
  yield { what: 'decisions at a lock', measured: loadText(typical(found('small'))) }
  yield atMost(2, {
    what: 'time of a decision, relative to `POST /v1/unlocks`',
    value: cost('small', 'claims'),
    unit: ' ×',
  })
  yield { what: 'with 10,000 grants and 1,000 locks', measured: loadText(typical(found('large'))) }
  yield atMost(1.2, {
    what: 'this, relative to 10 grants and 1 lock',
    value: cost('large', 'small'),
    unit: ' ×',
  })
  for (const service of [small, large]) await service.stop()
}

const CLAIM = '{"method":"fingerprint"}'

const attempts = (signedIn: Target, url: string): Target => ({
  ...signedIn,
  url: `${url}/v1/locks/lock-0/unlock`,
  BODY: '{"id":"NEWID"}',
})

const holder = async ({ url, token }: { readonly url: string; readonly token: string }) => {
  const me = (await (await clientOf(url).get('/v1/me', bearer(token))).json()) as { id: string }
  return `account:${me.id}`
}

/** Adds locks and grants: for the first lock, a holder has two that are open now; the others are everybody's, and
 * nine of ten have ended. */
const furnish = async (
  path: string,
  { locks, grants, holder: own }: { locks: number; grants: number; holder: string },
): Promise<void> => {
  using db = rowsOf(path)
  await db.run('BEGIN IMMEDIATE')
  const ids: string[] = []
  for (let number = 0; number < locks; number += 1) ids.push(await insertLock(db, `lock-${number}`))
  const windows = weekly('mon,tue,wed,thu,fri,sat,sun 00:00-24:00')
  await insertGrant(db, { holder: own, locks: ids.slice(0, 1), terms: windows })
  await insertGrant(db, { holder: 'role:member', locks: ids })
  for (let number = 2; number < grants; number += 1) {
    const endsAtMs = number % 10 === 0 ? null : number
    const lock = ids.slice(number % locks, (number % locks) + 1)
    const who = number % 2 === 0 ? own : `account:${number}`
    await insertGrant(db, { holder: who, locks: lock, endsAtMs, terms: windows })
  }
  await db.run('COMMIT')
}

/** Loads the targets in turn, so that other load on the machine affects all alike. */
const alternately = async (
  targets: Readonly<Record<string, Target>>,
): Promise<(name: string) => readonly Load[]> => {
  for (const target of Object.values(targets))
    await postLoad(target, { connections: CONNECTIONS, seconds: 1 })
  const loads = new Map(Object.keys(targets).map((name) => [name, [] as Load[]]))
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`${CONNECTIONS} connections, round ${round} of ${ROUNDS}`)
    for (const [name, target] of Object.entries(targets))
      loads.get(name)?.push(await postLoad(target, { connections: CONNECTIONS, seconds: SECONDS }))
  }
  return (name) => loads.get(name) ?? []
}
