import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { claimed, openLog } from '../support/unlock-log.ts'
import { IS_LONG, ROUNDS, signIn, spread, tell } from './evidence.ts'
import { fillUp, inMemory, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const isRoot = process.getuid?.() === 0
const env = { ...UNLIMITED, LOG_LEVEL: 'error' }
/** Fewer than elsewhere: each takes seconds, and the next test kills before every single move. */
const RESTORES = Math.ceil(ROUNDS / 2)
const OLD_EVENTS = 2000
/** A restored log has one more event, which says that others were lost. */
const RESTORED_EVENTS = OLD_EVENTS + 1
const NEW_EVENTS = 4000

/** A gateway with a backup of some events, and more events since then. */
const gateway = async () => {
  const folder = temporaryFolder()
  const run = (...args: string[]) => runCommand(args, { folder, env })
  const fill = async (from: number, to: number) => {
    const app = await openLog(join(folder, 'data'))
    const events = Array.from({ length: to - from }, (_, at) => claimed(from + at))
    for (let done = 0; done < events.length; done += 500)
      await app.unlocks.unlockLog.append(events.slice(done, done + 500))
    await app[Symbol.asyncDispose]()
  }
  await addAccount('ada', { folder, env })
  await fill(0, OLD_EVENTS)
  expect((await run('backup', 'old.tar')).status).toBe(0)
  await fill(OLD_EVENTS, NEW_EVENTS)
  return { folder, data: join(folder, 'data'), run }
}

/** Runs a command and kills it after that many milliseconds unless it has ended; returns its status. */
const killed = async (args: readonly string[], folder: string, afterMs: number) => {
  const started = Bun.spawn([BINARY, ...args], {
    cwd: folder,
    env,
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const timer = setTimeout(() => started.kill('SIGKILL'), afterMs)
  await started.exited
  clearTimeout(timer)
  return started.exitCode
}

/** How long a command takes from its start to its end. */
const durationMs = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

const eventsIn = (database: string): number => {
  using db = new Database(database, { readonly: true })
  return db.query<{ n: number }, []>('SELECT count(*) AS n FROM unlock_event').get()?.n ?? -1
}

describe('kill -9', () => {
  let one: Awaited<ReturnType<typeof gateway>>
  beforeAll(async () => {
    one = await gateway()
  })
  afterAll(() => rmSync(one.folder, { recursive: true }))

  test(`[D3] ${ROUNDS} times in a backup: only a complete one has its name, and the next cleans up`, async () => {
    const { folder, data, run } = one
    let wholeMs = await durationMs(() => run('backup', 'timed.tar'))
    let [cut, whole] = [0, 0]
    while (cut + whole < ROUNDS || cut === 0) {
      const file = join(folder, 'killed.tar')
      rmSync(file, { force: true })
      const backUp = () => killed(['backup', 'killed.tar'], folder, Math.random() * wholeMs)
      const tookMs = await durationMs(backUp)
      if (!existsSync(file)) {
        cut += 1
        continue
      }
      whole += 1
      // Less than the first, which may have had to read its files from the disk.
      wholeMs = Math.min(wholeMs, tookMs)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect((await run('restore', '--check', 'killed.tar')).status).toBe(0)
    }
    rmSync(join(folder, 'killed.tar'), { force: true })
    expect((await run('backup', 'killed.tar')).status).toBe(0)
    const files = [...readdirSync(folder), ...readdirSync(data)]
    expect(files.filter((name) => name.includes('.part'))).toStrictEqual([])
    tell(
      `backup: ${cut + whole} kills, ${cut} left nothing, ${whole} a whole backup (${wholeMs.toFixed(0)} ms)`,
    )
  })

  test(`[D3, G14] ${RESTORES} times in a restore: old or new files, never a mixture, and the next process finishes it`, async () => {
    const { data, folder } = one
    const trial = join(folder, 'trial')
    const fresh = () => {
      rmSync(trial, { recursive: true, force: true })
      cpSync(data, join(trial, 'data'), { recursive: true })
      cpSync(join(folder, 'old.tar'), join(trial, 'old.tar'))
    }
    const run = (...args: string[]) => runCommand(args, { folder: trial, env })
    fresh()
    const wholeMs = await durationMs(() => run('restore', '--yes', 'old.tar'))
    const found = { old: 0, new: 0, finished: 0 }
    for (let round = 0; round < RESTORES; round += 1) {
      fresh()
      // Most of the time goes into proving; the moves are at the end.
      const at = round % 2 === 0 ? Math.random() : 0.8 + Math.random() * 0.25
      await killed(['restore', '--yes', 'old.tar'], trial, at * wholeMs)
      if (existsSync(join(trial, 'data/restore.json'))) found.finished += 1
      // The next process, here a command, finds one of the two, complete, with matching keys.
      const { out, words } = await run('log', 'verify')
      expect(words).toBe('')
      const events = Number(/intact: (\d+) events/.exec(out)?.[1])
      expect([RESTORED_EVENTS, NEW_EVENTS]).toContain(events)
      found[events === RESTORED_EVENTS ? 'new' : 'old'] += 1
      expect((await run('log', 'accept-loss')).out).toStartWith('Nothing is lost')
      const aside = readdirSync(join(trial, 'data')).filter((name) => name.startsWith('before-'))
      if (events === RESTORED_EVENTS) {
        expect(aside).toHaveLength(1)
        const kept = join(trial, 'data', aside[0] ?? '')
        expect(eventsIn(join(kept, 'secure-lock.db'))).toBe(NEW_EVENTS)
        expect(readFileSync(join(kept, 'log-signing-key'))).toStrictEqual(
          readFileSync(join(data, 'log-signing-key')),
        )
      } else expect(aside).toHaveLength(0)
      expect((await run('restore', '--yes', 'old.tar')).status).toBe(0)
      expect((await run('log', 'verify')).out).toBe(
        `The log is intact: ${RESTORED_EVENTS} events\n`,
      )
      expect(
        readdirSync(join(trial, 'data')).filter((name) => /^(\.|restore)/.test(name)),
      ).toBeEmpty()
    }
    tell(
      `restore: ${RESTORES} kills, ${found.old} times the old, ${found.new} the new, ${found.finished} finished by the next process (${wholeMs.toFixed(0)} ms)`,
    )
  })
})

test.if(Bun.which('strace') !== null)(
  `[D3, G14] kill -9 before each ${IS_LONG ? '' : 'second '}move of a restore: the next process finishes it`,
  async () => {
    const { folder, data, run } = await gateway()
    const trial = join(folder, 'trial')
    let finished = 0
    for (let move = 1; ; move += IS_LONG ? 1 : 2) {
      rmSync(trial, { recursive: true, force: true })
      cpSync(data, join(trial, 'data'), { recursive: true })
      const inject = `rename,renameat,renameat2:signal=KILL:when=${move}`
      const strace = ['strace', '-f', '-q', '-o', '/dev/null', '-e', `inject=${inject}`]
      const started = Bun.spawn([...strace, BINARY, 'restore', '--yes', join(folder, 'old.tar')], {
        cwd: trial,
        env,
        stdout: 'ignore',
        stderr: 'ignore',
      })
      if ((await started.exited) === 0) break
      const isDecided = existsSync(join(trial, 'data/restore.json'))
      if (isDecided) finished += 1
      const { out, words } = await runCommand(['log', 'verify'], { folder: trial, env })
      const events = isDecided ? RESTORED_EVENTS : NEW_EVENTS
      expect(`${move}: ${out}${words}`).toBe(`${move}: The log is intact: ${events} events\n`)
      // The log and the file with its head belong together.
      const accepted = await runCommand(['log', 'accept-loss'], { folder: trial, env })
      expect(accepted.out).toStartWith('Nothing is lost')
      const aside = readdirSync(join(trial, 'data')).filter((name) => name.startsWith('before-'))
      expect(aside).toHaveLength(isDecided ? 1 : 0)
      if (!isDecided) continue
      // Every earlier file is there, and none of the staged ones.
      expect(readdirSync(join(trial, 'data', aside[0] ?? '')).toSorted()).toStrictEqual(
        expect.arrayContaining([
          'guess-key',
          'jwt-secret-key',
          'log-signing-key',
          'secure-lock.db',
        ]) as string[],
      )
      expect(
        readdirSync(join(trial, 'data')).filter((name) => /^(\.|restore)/.test(name)),
      ).toBeEmpty()
    }
    expect(finished).toBeGreaterThan(IS_LONG ? 5 : 2)
    tell(`restore: killed before its moves, ${finished} times finished by the next process`)
    expect((await run('log', 'verify')).out).toContain(String(NEW_EVENTS))
    rmSync(folder, { recursive: true })
  },
)

describe.if(isRoot)('a disk that fills up or is read-only (needs root, to mount one)', () => {
  test('[D3, D4] too little room for a backup is reported before anything is written, and unlocks continue', async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, ...inMemory(24))
    const { within, outside, disk } = small
    const smallEnv = {
      ...env,
      // Otherwise unlocks are refused too, within a second.
      DISK_RESERVE: 'off',
      DATA_DIR: join(disk, 'data'),
      BACKUP_DIR: join(disk, 'data/backups'),
    }
    await using service = await startService({ folder, env: smallEnv, within })
    const token = await signIn(service.url)
    const backups = join(outside, 'data/backups')
    // The service's own, which must not meet the full disk.
    await until(
      () => existsSync(backups) && readdirSync(backups).some((name) => name.endsWith('.tar')),
    )
    const makeRoom = fillUp(outside, 4 * 1024 ** 2)
    const by = (file: string) => runCommand(['backup', file], { folder, env: smallEnv, within })
    const refused = await by(join(disk, 'a.tar'))
    expect(refused.status).toBe(1)
    expect(refused.words).toMatch(
      /^No room for the backup: .* has \d+ MiB free, and \d+ MiB are needed; make room first\n$/,
    )
    const { post } = clientOf(service.url)
    const sent = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect(sent.status).toBe(200)
    makeRoom()
    expect((await by(join(disk, 'a.tar'))).status).toBe(0)
    expect(readdirSync(outside).toSorted()).toStrictEqual(['a.tar', 'data'])
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('[D3, D4] a disk that fills up during a backup leaves nothing of it', async () => {
    const { folder, run, data } = await gateway()
    await using small = await smallDisk(folder, ...inMemory(64))
    const { within, outside, disk } = small
    cpSync(data, join(outside, 'data'), { recursive: true })
    await run('log', 'verify')
    const smallEnv = { ...env, DATA_DIR: join(disk, 'data') }
    for (let round = 0; round < 5; round += 1) {
      const making = runCommand(['backup', join(disk, 'a.tar')], { folder, env: smallEnv, within })
      const isOver = making.then(() => true)
      const copy = join(outside, 'data/backup-copy.part')
      while (!existsSync(copy) && !(await Promise.race([isOver, Bun.sleep(1)]))) continue
      const makeRoom = fillUp(outside, round * 200_000)
      const { status, words } = await making
      makeRoom()
      if (status === 0) {
        rmSync(join(outside, 'a.tar'))
        continue
      }
      expect(words).toMatch(/disk is full|No room for/i)
      expect(words).not.toContain('    at ')
      expect(readdirSync(outside)).toStrictEqual(['data'])
      expect(
        readdirSync(join(outside, 'data')).filter((name) => name.includes('.part')),
      ).toBeEmpty()
    }
    const verified = await runCommand(['log', 'verify'], { folder, env: smallEnv, within })
    expect(verified.out).toBe(`The log is intact: ${NEW_EVENTS} events\n`)
    rmSync(folder, { recursive: true, force: true })
  })

  test('[D3, D4] a restore without room changes nothing', async () => {
    const { folder, data } = await gateway()
    await using small = await smallDisk(folder, ...inMemory(24))
    const { within, outside, disk } = small
    cpSync(data, join(outside, 'data'), { recursive: true })
    const smallEnv = { ...env, DATA_DIR: join(disk, 'data') }
    const makeRoom = fillUp(outside, 5 * 1024 ** 2)
    const run = (...args: string[]) => runCommand(args, { folder, env: smallEnv, within })
    const refused = await run('restore', '--yes', join(folder, 'old.tar'))
    expect(refused.status).toBe(1)
    expect(refused.words).toContain('No room for the contents of the backup')
    makeRoom()
    expect((await run('log', 'verify')).out).toBe(`The log is intact: ${NEW_EVENTS} events\n`)
    rmSync(folder, { recursive: true, force: true })
  })

  test('[D3, D4] a read-only BACKUP_DIR fails the backup, not the door', async () => {
    const folder = temporaryFolder()
    await using small = await smallDisk(folder, '-t', 'tmpfs', '-o', 'ro', 'tmpfs')
    const { within, disk } = small
    await using service = await startService({
      folder,
      env: { ...env, DATA_DIR: join(folder, 'data'), BACKUP_DIR: disk },
      within,
    })
    const token = await signIn(service.url)
    await until(() => service.output().log.includes('backup failed'))
    expect(service.output().log).toContain('the file system is read-only; choose another folder')
    const { post } = clientOf(service.url)
    const sent = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
    expect(sent.status).toBe(200)
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  })
})

test(`unlocks are answered while a backup is created`, async () => {
  const { folder } = await gateway()
  await using service = await startService({ folder, env: { ...env, BACKUP_DIR: 'data/backups' } })
  const token = await signIn(service.url)
  const { post, get } = clientOf(service.url)
  await runCommand(['user', 'role', 'ada', 'owner'], { folder, env })
  const isMaking = async () =>
    ((await (await get('/v1/backups', bearer(token))).json()) as { running: boolean }).running
  const times: number[] = []
  // A backup may be over before an unlock is answered.
  for (let made = 0; made < 3 || times.length === 0; made += 1) {
    while (await isMaking()) await Bun.sleep(20)
    await post('/v1/backups', {}, bearer(token))
    while (await isMaking()) {
      const begun = performance.now()
      const sent = await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token))
      expect(sent.status).toBe(200)
      times.push(performance.now() - begun)
    }
  }
  tell(`unlocks during backups: ${times.length}, ${spread(times)}`)
  await service.stop()
  rmSync(folder, { recursive: true, force: true })
})
